// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/router/http2_peer.hpp"

#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>

namespace berth::router::test {

std::string be32(std::uint32_t number) {
  return {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
          static_cast<char>(number >> 8), static_cast<char>(number)};
}

std::string setting(std::uint16_t id, std::uint32_t value) {
  return std::string{static_cast<char>(id >> 8), static_cast<char>(id)} + be32(value);
}

std::string frame(FrameType type, std::uint8_t flags, std::int32_t stream,
                  std::string_view payload) {
  std::string bytes = be32(static_cast<std::uint32_t>(payload.size())).substr(1);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  return bytes + be32(static_cast<std::uint32_t>(stream)) + std::string(payload);
}

std::uint32_t Frame::number_at(std::size_t offset) const {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i)
    number = number << 8 | static_cast<unsigned char>(payload.at(offset + i));
  return number;
}

int Answer::status() const { return std::atoi(field(":status").c_str()); }

std::string Answer::field(std::string_view name) const {
  for (const auto& [key, value] : fields)
    if (key == name) return value;
  return {};
}

Http2Peer::Http2Peer(Peer peer, std::string_view first_settings) : peer_(std::move(peer)) {
  REQUIRE(nghttp2_hd_deflate_new(&deflater_, 4096) == 0);
  REQUIRE(nghttp2_hd_inflate_new(&inflater_) == 0);
  peer_.send(std::string(NGHTTP2_CLIENT_MAGIC) +
             frame(FrameType::settings, 0, 0, first_settings));
}

Http2Peer::Http2Peer(Peer peer, AsServer) : peer_(std::move(peer)) {
  REQUIRE(nghttp2_hd_deflate_new(&deflater_, 4096) == 0);
  REQUIRE(nghttp2_hd_inflate_new(&inflater_) == 0);
  CHECK(peer_.read_exactly(NGHTTP2_CLIENT_MAGIC_LEN) == NGHTTP2_CLIENT_MAGIC);
  peer_.send(frame(FrameType::settings, 0, 0));
}

Http2Peer::~Http2Peer() {
  nghttp2_hd_deflate_del(deflater_);
  nghttp2_hd_inflate_del(inflater_);
}

std::string Http2Peer::block(const FieldList& fields) {
  std::vector<nghttp2_nv> list;
  for (const auto& [name, value] : fields)
    list.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                    reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
                    value.size(), NGHTTP2_NV_FLAG_NONE});
  std::string block(nghttp2_hd_deflate_bound(deflater_, list.data(), list.size()), '\0');
  const ssize_t size =
      nghttp2_hd_deflate_hd(deflater_, reinterpret_cast<std::uint8_t*>(block.data()), block.size(),
                            list.data(), list.size());
  REQUIRE(size >= 0);
  block.resize(static_cast<std::size_t>(size));
  return block;
}

std::string Http2Peer::head(std::int32_t stream, const FieldList& fields, bool end) {
  const auto flags = static_cast<std::uint8_t>(flag::end_headers | (end ? flag::end_stream : 0));
  return frame(FrameType::headers, flags, stream, block(fields));
}

FieldList Http2Peer::request(std::string_view method, std::string_view path,
                             const FieldList& more) {
  FieldList fields{{":method", std::string(method)},
                   {":scheme", "http"},
                   {":path", std::string(path)},
                   {":authority", "hello.localhost"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

std::int32_t Http2Peer::get(std::string_view path, const FieldList& more) {
  const std::int32_t stream = std::exchange(next_stream_, next_stream_ + 2);
  peer_.send(head(stream, request("GET", path, more)));
  return stream;
}

std::optional<Frame> Http2Peer::read() {
  const std::string head = peer_.read_exactly(9);
  if (head.size() < 9) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(head[i]); };
  Frame read;
  read.type = static_cast<FrameType>(byte(3));
  read.flags = byte(4);
  read.stream = static_cast<std::int32_t>((byte(5) & 127U) << 24 | byte(6) << 16 | byte(7) << 8 |
                                          byte(8));
  const std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
  read.payload = peer_.read_exactly(size);
  if (read.payload.size() < size) return std::nullopt;
  take(read);
  return read;
}

void Http2Peer::take_head(const Frame& read) {
  REQUIRE((read.flags & flag::end_headers) != 0);
  FieldList fields;
  const auto* at = reinterpret_cast<const std::uint8_t*>(read.payload.data());
  std::size_t left = read.payload.size();
  for (;;) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
    REQUIRE(used >= 0);
    at += used;
    left -= static_cast<std::size_t>(used);
    if (flags & NGHTTP2_HD_INFLATE_EMIT)
      fields.emplace_back(std::string(reinterpret_cast<char*>(field.name), field.namelen),
                          std::string(reinterpret_cast<char*>(field.value), field.valuelen));
    if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
  }
  nghttp2_hd_inflate_end_headers(inflater_);
  Answer& answer = answers_[read.stream];
  if (!answer.fields.empty()) {
    answer.trailers = std::move(fields);
  } else if (fields.at(0).second.starts_with('1')) {
    answer.interim.push_back(std::atoi(fields.at(0).second.c_str()));
  } else {
    answer.fields = std::move(fields);
  }
}

void Http2Peer::take(const Frame& read) {
  switch (read.type) {
    case FrameType::settings:
      if (read.flags & flag::ack) break;
      for (std::size_t at = 0; at + 6 <= read.payload.size(); at += 6)
        settings[static_cast<std::uint16_t>(static_cast<unsigned char>(read.payload[at]) << 8 |
                                            static_cast<unsigned char>(read.payload[at + 1]))] =
            read.number_at(at + 2);
      peer_.send(frame(FrameType::settings, flag::ack, 0));
      break;
    case FrameType::ping:
      if (read.flags & flag::ack) {
        ++pongs_;
      } else {
        peer_.send(frame(FrameType::ping, flag::ack, 0, read.payload));
      }
      break;
    case FrameType::goaway: goaway_ = read.number_at(4); break;
    case FrameType::rst_stream: answers_[read.stream].reset = read.number_at(0); break;
    case FrameType::headers: take_head(read); break;
    case FrameType::data:
      answers_[read.stream].body += read.payload;
      if (gives_windows && !read.payload.empty()) {
        const std::string size = be32(static_cast<std::uint32_t>(read.payload.size()));
        peer_.send(frame(FrameType::window_update, 0, 0, size) +
                   frame(FrameType::window_update, 0, read.stream, size));
      }
      break;
    default: break;
  }
  if ((read.type == FrameType::data || read.type == FrameType::headers) &&
      (read.flags & flag::end_stream) != 0)
    answers_[read.stream].ended = true;
}

bool Http2Peer::read_until(const std::function<bool()>& condition) {
  while (!condition())
    if (!read()) return condition();
  return true;
}

const Answer& Http2Peer::answer(std::int32_t stream) {
  Answer& answer = answers_[stream];
  static_cast<void>(read_until([&] { return answer.ended || answer.reset.has_value(); }));
  return answer;
}

std::optional<std::uint32_t> Http2Peer::goaway() {
  while (read()) {
  }
  return goaway_;
}

bool Http2Peer::sync() {
  ++pings_;
  if (!peer_.send(frame(FrameType::ping, 0, 0, "12345678"))) return false;
  return read_until([&] { return pongs_ >= pings_; });
}

}  // namespace berth::router::test
