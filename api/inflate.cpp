// SPDX-License-Identifier: Apache-2.0
#include "api/inflate.hpp"

#include <zlib.h>

#include <array>

namespace berth::api {

struct Inflater::State {
  z_stream stream{};
  std::uint64_t limit = 0;
  std::uint64_t total = 0;
  bool ended = false;
};

Inflater::Inflater(std::uint64_t limit) : state_(std::make_unique<State>()) {
  state_->limit = limit;
  // 16: a gzip header, not zlib's (zlib.h, inflateInit2).
  BERTH_ASSERT(::inflateInit2(&state_->stream, 15 + 16) == Z_OK);
}

Inflater::Inflater(Inflater&&) noexcept = default;

Inflater::~Inflater() {
  if (state_) ::inflateEnd(&state_->stream);
}

Result<std::string> Inflater::add(std::string_view packed) {
  std::string result;
  std::array<char, 16384> buffer;
  z_stream& stream = state_->stream;
  // zlib's older interface takes a pointer to non-const and does not write there.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  while (!state_->ended) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int status = ::inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      return Error{ErrorKind::invalid, "the body is not valid gzip data"};
    const std::size_t made = buffer.size() - stream.avail_out;
    state_->total += made;
    if (state_->total > state_->limit)
      return Error{ErrorKind::limit, "the unpacked body is larger than " +
                                         std::to_string(state_->limit >> 20) + " MiB"};
    result.append(buffer.data(), made);
    state_->ended = status == Z_STREAM_END;
    if (made < buffer.size() && stream.avail_in == 0) break;
    if (status == Z_BUF_ERROR) break;
  }
  return result;
}

Result<void> Inflater::finish() const {
  if (!state_->ended) return Error{ErrorKind::invalid, "the gzip body ends too early"};
  return {};
}

}  // namespace berth::api
