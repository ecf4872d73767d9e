// SPDX-License-Identifier: Apache-2.0
#include "router/http2/origin.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <vector>

#include "base/result.hpp"
#include "router/http/characters.hpp"
#include "router/http/request_head.hpp"

namespace berth::router {

namespace {

constexpr std::int32_t window_size = 1024 * 1024;
constexpr std::size_t max_block = 16 * 1024;
/// Of text that one call of receive() makes of header blocks: a byte may stand for a large field.
constexpr std::size_t max_heads = 40 * 1024;

std::string_view text_of(nghttp2_rcbuf* buffer) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

nghttp2_nv field(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // it copies
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

struct Http2Origin::Callbacks {
  static Http2Origin& self(void* user) { return *static_cast<Http2Origin*>(user); }

  static int begin_headers(nghttp2_session*, const nghttp2_frame*, void* user) {
    Http2Origin& origin = self(user);
    origin.status_.clear();
    origin.lines_.clear();
    origin.block_size_ = 0;
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf* name,
                    nghttp2_rcbuf* value, std::uint8_t, void* user) {
    Http2Origin& origin = self(user);
    const std::string_view key = text_of(name);
    const std::string_view text = text_of(value);
    origin.block_size_ += key.size() + text.size();
    origin.heads_size_ += key.size() + text.size() + 4;
    if (origin.block_size_ > max_block || origin.heads_size_ > max_heads)
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (key == ":status") {
      origin.status_ = text;
    } else if (key != "content-length") {  // chunks end the body, and trailers follow them
      origin.lines_.append(key).append(": ").append(text).append("\r\n");
    }
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Origin& origin = self(user);
    if (frame->hd.stream_id == 0 || frame->hd.stream_id != origin.stream_) return 0;
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) {
      if (origin.answer_begun_) {
        origin.on_end();
      } else {
        origin.on_head(ends);
      }
    } else if (frame->hd.type == NGHTTP2_DATA && ends) {
      origin.lines_.clear();
      origin.on_end();
    }
    return 0;
  }

  static int data_chunk(nghttp2_session*, std::uint8_t, std::int32_t stream_id,
                        const std::uint8_t* data, std::size_t size, void* user) {
    Http2Origin& origin = self(user);
    if (stream_id != origin.stream_ || size == 0) return 0;
    if (!origin.answer_chunked_) {
      origin.answer_->append(reinterpret_cast<const char*>(data), size);
      return 0;
    }
    std::array<char, 20> digits;
    const char* const end =
        std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
    origin.answer_->append(digits.data(), static_cast<std::size_t>(end - digits.data()));
    origin.answer_->append("\r\n").append(reinterpret_cast<const char*>(data), size);
    origin.answer_->append("\r\n");
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t stream_id, std::uint32_t, void* user) {
    Http2Origin& origin = self(user);
    if (stream_id != origin.stream_) return 0;
    origin.stream_ = 0;
    if (!origin.answer_ended_) origin.reset_ = true;
    return 0;
  }

  static ssize_t read_body(nghttp2_session* nghttp2, std::int32_t stream_id, std::uint8_t* to,
                           std::size_t capacity, std::uint32_t* flags, nghttp2_data_source* source,
                           void*) {
    auto& origin = *static_cast<Http2Origin*>(source->ptr);
    const std::size_t left = origin.body_bytes_.size() - origin.sent_;
    const std::size_t size = std::min(left, capacity);
    if (size == 0 && !origin.body_.complete()) return NGHTTP2_ERR_DEFERRED;
    std::memcpy(to, origin.body_bytes_.data() + origin.sent_, size);
    origin.sent_ += size;
    if (size == left) {
      origin.body_bytes_.clear();
      origin.sent_ = 0;
      if (origin.body_.complete()) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (!origin.trailers_.empty())
          submit_trailers(nghttp2, stream_id, *flags, origin.trailers_);
      }
    }
    return static_cast<ssize_t>(size);
  }

  static void submit_trailers(nghttp2_session* nghttp2, std::int32_t stream_id,
                              std::uint32_t& flags, std::string& lines) {
    std::vector<nghttp2_nv> list;
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t end = lines.find("\r\n", at);
      const std::size_t colon = lines.find(':', at);
      if (end == std::string::npos || colon == std::string::npos || colon > end) break;
      for (std::size_t i = at; i < colon; ++i) lines[i] = http::to_lower(lines[i]);
      const std::string_view line(lines);
      std::string_view value = line.substr(colon + 1, end - colon - 1);
      if (value.starts_with(' ')) value.remove_prefix(1);
      list.push_back(field(line.substr(at, colon - at), value));
      at = end + 2;
    }
    if (nghttp2_submit_trailer(nghttp2, stream_id, list.data(), list.size()) == 0)
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  }

  static const nghttp2_session_callbacks* all() {
    static const nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* callbacks = nullptr;
      BERTH_ASSERT(nghttp2_session_callbacks_new(&callbacks) == 0);
      nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
      nghttp2_session_callbacks_set_on_header_callback2(callbacks, header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_received);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_chunk);
      nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
      return callbacks;
    }();
    return made;
  }
};

std::unique_ptr<Http2Origin> Http2Origin::create() {
  std::unique_ptr<Http2Origin> origin(new Http2Origin);
  if (nghttp2_session_client_new(&origin->session_, Callbacks::all(), origin.get()) != 0)
    return nullptr;
  const std::array<nghttp2_settings_entry, 2> settings{{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window_size},
  }};
  const bool made =
      nghttp2_submit_settings(origin->session_, NGHTTP2_FLAG_NONE, settings.data(),
                              settings.size()) == 0 &&
      nghttp2_session_set_local_window_size(origin->session_, NGHTTP2_FLAG_NONE, 0,
                                            window_size) == 0;
  return made ? std::move(origin) : nullptr;
}

Http2Origin::~Http2Origin() { nghttp2_session_del(session_); }

bool Http2Origin::send(std::string_view data) {
  if (stream_ == 0 && !reset_ && !send_head(data)) return false;
  if (stream_ == 0) return true;  // closed already: nobody reads the rest
  const std::size_t before = body_bytes_.size();
  body_bytes_ += data;
  const http::Body::Step step =
      body_.decode(body_bytes_.data() + before, data.size(), &trailers_);
  if (!step.valid) return false;
  body_bytes_.resize(before + step.payload);
  nghttp2_session_resume_data(session_, stream_);
  return true;
}

bool Http2Origin::send_head(std::string_view& data) {
  if (answer_begun_ && !answer_ended_) return false;
  http::RequestHead head;
  if (http::scan_request(data, head).status != http::ScanStatus::complete) return false;
  data.remove_prefix(head.size);
  body_ = http::Body::of_request(head.framing);
  body_bytes_.clear();
  trailers_.clear();
  sent_ = 0;
  answer_begun_ = answer_ended_ = reset_ = false;
  std::string names;
  names.reserve(head.size);  // views of it stay valid
  std::vector<nghttp2_nv> list{field(":method", head.method), field(":scheme", "http"),
                               field(":path", head.target), field(":authority", head.host)};
  for (const http::Field& known : head.fields.all()) {
    switch (known.known) {
      case http::FieldName::connection:
      case http::FieldName::host:
      case http::FieldName::transfer_encoding:
      case http::FieldName::upgrade: continue;
      default: break;
    }
    const std::size_t begin = names.size();
    for (const char c : known.name()) names += http::to_lower(c);
    list.push_back(field(std::string_view(names).substr(begin), known.value()));
  }
  // We pass them on, and servers of gRPC ask for it.
  list.push_back(field("te", "trailers"));
  nghttp2_data_provider body{};
  body.source.ptr = this;
  body.read_callback = Callbacks::read_body;
  stream_ = nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                   body_.complete() ? nullptr : &body, nullptr);
  return stream_ > 0;
}

bool Http2Origin::take_frames(std::string& out, std::size_t limit) {
  while (out.size() < limit) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size < 0) return false;
    if (size == 0) break;
    out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  return true;
}

bool Http2Origin::receive(std::string_view data, std::string& answer) {
  answer_ = &answer;
  heads_size_ = 0;
  const ssize_t result = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
  answer_ = nullptr;
  return result >= 0;
}

bool Http2Origin::is_over() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

bool Http2Origin::is_reusable() const {
  return stream_ == 0 && !reset_ && nghttp2_session_check_request_allowed(session_) != 0;
}

void Http2Origin::on_head(bool ends) {
  heads_size_ += 64;
  answer_->append("HTTP/1.1 ").append(status_).append(" \r\n").append(lines_);
  if (status_.starts_with('1')) {
    answer_->append("\r\n");
    return;
  }
  answer_begun_ = true;
  answer_chunked_ = status_ != "204" && status_ != "304";
  if (answer_chunked_) answer_->append("Transfer-Encoding: chunked\r\n");
  answer_->append("\r\n");
  lines_.clear();
  if (ends) on_end();
}

void Http2Origin::on_end() {
  answer_ended_ = true;
  if (answer_chunked_) answer_->append("0\r\n").append(lines_).append("\r\n");
}

}  // namespace berth::router
