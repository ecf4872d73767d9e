// SPDX-License-Identifier: Apache-2.0
#include "router/http2/session.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "router/client.hpp"
#include "router/http2/stream.hpp"
#include "router/worker.hpp"

namespace berth::router {

namespace {

constexpr std::uint32_t max_streams = 100;
constexpr std::int32_t connection_window = 1024 * 1024;
constexpr std::size_t max_continuations = 8;
/// Frames are put together up to the first; none is begun that would end behind the second, which
/// fits into a connection's buffer when it is sealed, too.
constexpr std::size_t output_wanted = 60 * 1024;
constexpr std::size_t output_limit = 80 * 1024;
constexpr std::size_t frame_head_size = 9;
constexpr std::int64_t oversized_head_nuisance = 10;
constexpr std::size_t small_frame = 256;
constexpr std::size_t large_frame = 4096;
/// How long an answer waits for larger windows than it was left, at least: timers are coarse.
constexpr std::int64_t hold_us = 20'000;
/// Of reading from replicas and sending in one turn, so that others have theirs.
constexpr int flush_rounds = 4;
/// Control frames that a peer may send for each frame of an answer, or for each request.
constexpr std::int64_t control_per_frame = 4;

using Fields = std::array<nghttp2_nv, http::max_fields + 4>;

std::size_t as_nghttp2(const http2::ResponseFields& fields, Fields& to) {
  std::size_t count = 0;
  for (const http2::NamedValue& field : fields.all()) {
    const auto bytes = [](std::string_view text) {
      return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // it copies
    };
    to[count++] = {bytes(field.name), bytes(field.value), field.name.size(), field.value.size(),
                   NGHTTP2_NV_FLAG_NONE};
  }
  return count;
}

std::string_view text_of(nghttp2_rcbuf* buffer) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

}  // namespace

struct Http2Session::Callbacks {
  static Http2Session& self(void* user) { return *static_cast<Http2Session*>(user); }
  static int result(void* user) {
    return self(user).impatient_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    Http2Session& session = self(user);
    if (head->type != NGHTTP2_CONTINUATION) {
      session.head_deadline_us_ = 0;
      session.head_of_ = nullptr;
    }
    if (http2::FrameCounter::counts(head->type, head->length)) --session.dropped_;
    // What comes for a stream that has ended is not told as received.
    const bool is_late = head->stream_id != 0 && head->stream_id <= session.last_opened_ &&
                         !session.find(head->stream_id);
    if (is_late && head->type == NGHTTP2_HEADERS) session.nuisance();
    if (head->type >= NGHTTP2_CONTINUATION || head->type == NGHTTP2_PRIORITY ||
        (is_late && head->type == NGHTTP2_WINDOW_UPDATE))
      session.control();
    if (head->type == NGHTTP2_HEADERS && session.was_skipped(head->stream_id))
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    return result(user);
  }

  static int begin_headers(nghttp2_session* nghttp2, const nghttp2_frame* frame, void* user) {
    Http2Session& session = self(user);
    Worker& worker = session.worker_;
    session.head_deadline_us_ = worker.loop().now_us() + worker.limits().head_us;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      auto* stream = new Http2Stream(session, worker, frame->hd.stream_id);
      session.streams_.push_front(*stream);
      nghttp2_session_set_stream_user_data(nghttp2, frame->hd.stream_id, stream);
      session.head_of_ = stream;
      session.note_opened(frame->hd.stream_id);
    } else {
      session.head_of_ = session.find(frame->hd.stream_id);
    }
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                    nghttp2_rcbuf* value, std::uint8_t, void* user) {
    Http2Session& session = self(user);
    if (!session.head_of_) return 0;
    session.on_field(*session.head_of_, frame->headers.cat != NGHTTP2_HCAT_REQUEST, text_of(name),
                     text_of(value));
    return result(user);
  }

  /// Frames of unknown types are asked for to be counted, and go no further.
  static int unpack_extension(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) {
    return NGHTTP2_ERR_CANCEL;
  }

  /// Refused, where nghttp2 would leave it out.
  static int invalid_header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf*, nghttp2_rcbuf*,
                            std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).on_frame(*frame);
    return result(user);
  }

  static int invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    self(user).nuisance();
    return result(user);
  }

  static int data_chunk(nghttp2_session*, std::uint8_t, std::int32_t stream_id,
                        const std::uint8_t* data, std::size_t size, void* user) {
    if (Http2Stream* stream = self(user).find(stream_id))
      stream->data_received({reinterpret_cast<const char*>(data), size});
    return 0;
  }

  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).on_frame_sent(*frame);
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t stream_id, std::uint32_t, void* user) {
    Http2Session& session = self(user);
    if (Http2Stream* stream = session.find(stream_id)) session.on_stream_closed(*stream);
    return 0;
  }

  static ssize_t read_body(nghttp2_session* nghttp2, std::int32_t stream_id, std::uint8_t*,
                           std::size_t length, std::uint32_t* flags, nghttp2_data_source* source,
                           void* user) {
    auto& stream = *static_cast<Http2Stream*>(source->ptr);
    const std::size_t available = stream.available();
    if (available == 0 && !stream.answer_ends()) return NGHTTP2_ERR_DEFERRED;
    const std::size_t size = std::min(available, length);
    if (size < available && self(user).holds(stream, size)) return NGHTTP2_ERR_DEFERRED;
    // Windows of a few bytes make a frame, and work, of each of them.
    if (size < available && size < small_frame) self(user).nuisance();
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == available && stream.answer_ends()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!stream.trailers().empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        submit_trailers(nghttp2, stream_id, stream.trailers());
      }
    }
    return static_cast<ssize_t>(size);
  }

  static void submit_trailers(nghttp2_session* nghttp2, std::int32_t stream_id,
                              std::string_view lines) {
    std::string names(lines.size(), '\0');
    http2::ResponseFields fields(names.data());
    fields.set_trailers(lines);
    Fields list;
    const std::size_t count = as_nghttp2(fields, list);
    static_cast<void>(nghttp2_submit_trailer(nghttp2, stream_id, list.data(), count));
  }

  /// The payload goes from where it is into the output, once.
  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* head,
                       std::size_t length, nghttp2_data_source* source, void* user) {
    Http2Session& session = self(user);
    if (session.output_.size() + frame_head_size + length > output_limit) {
      session.no_room_ = true;
      return NGHTTP2_ERR_WOULDBLOCK;
    }
    auto& stream = *static_cast<Http2Stream*>(source->ptr);
    session.output_.append({reinterpret_cast<const char*>(head), frame_head_size});
    session.output_.append(stream.take(length));
    stream.taken();
    if (length >= large_frame) session.patience_.regain();
    return 0;
  }

  static const nghttp2_session_callbacks* all() {
    static const nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* callbacks = nullptr;
      BERTH_ASSERT(nghttp2_session_callbacks_new(&callbacks) == 0);
      nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, begin_frame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
      nghttp2_session_callbacks_set_on_header_callback2(callbacks, header);
      nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks, invalid_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_received);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, invalid_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_chunk);
      nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_sent);
      nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
      nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
      nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, unpack_extension);
      return callbacks;
    }();
    return made;
  }

  static const nghttp2_option* options() {
    static const nghttp2_option* const made = [] {
      nghttp2_option* option = nullptr;
      BERTH_ASSERT(nghttp2_option_new(&option) == 0);
      // The peer may send more when a replica has taken what it sent.
      nghttp2_option_set_no_auto_window_update(option, 1);
      nghttp2_option_set_max_continuations(option, max_continuations);
      for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= 0xff; ++type)
        nghttp2_option_set_user_recv_extension_type(option, static_cast<std::uint8_t>(type));
      return option;
    }();
    return made;
  }
};

Http2Session::Http2Session(Client& client, Worker& worker)
    : client_(client),
      worker_(worker),
      patience_(worker.loop().now_us()),
      idle_since_us_(worker.loop().now_us()) {}

std::unique_ptr<Http2Session> Http2Session::create(Client& client, Worker& worker) {
  std::unique_ptr<Http2Session> session(new Http2Session(client, worker));
  if (nghttp2_session_server_new2(&session->session_, Callbacks::all(), session.get(),
                                  Callbacks::options()) != 0)
    return nullptr;
  const std::array<nghttp2_settings_entry, 3> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, http2::RequestText::max_size},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
  }};
  const bool made = nghttp2_submit_settings(session->session_, NGHTTP2_FLAG_NONE, settings.data(),
                                            settings.size()) == 0 &&
                    nghttp2_session_set_local_window_size(session->session_, NGHTTP2_FLAG_NONE, 0,
                                                          connection_window) == 0;
  return made ? std::move(session) : nullptr;
}

Http2Session::~Http2Session() {
  nghttp2_session_del(session_);
  streams_.for_each([](Http2Stream& stream) { delete &stream; });
}

Http2Stream* Http2Session::find(std::int32_t stream_id) const {
  return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session_, stream_id));
}

// ---- What the peer sends ------------------------------------------------------------------------

void Http2Session::receive(std::string_view data) {
  if (ending_) return;
  dropped_ += frames_.feed(data);
  receiving_ = true;
  const ssize_t result = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
  receiving_ = false;
  if (result >= 0 && dropped_ > 0) nuisance(std::exchange(dropped_, 0));
  if (result == NGHTTP2_ERR_FLOODED || result == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
    impatient_ = true;
  if (impatient_) {
    worker_.stats().http2_abuses.add();
    end(NGHTTP2_ENHANCE_YOUR_CALM);
  } else if (result < 0) {
    end(result == NGHTTP2_ERR_NOMEM ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_PROTOCOL_ERROR);
  }
  // A stream that was found bad is closed by its reset, before anything is done for it.
  flushing_ = true;  // it is, next
  pump();
  flushing_ = false;
}

void Http2Session::on_field(Http2Stream& stream, bool trailers, std::string_view name,
                            std::string_view value) {
  constexpr std::size_t max_trailers = 8 * 1024;
  // It costs the peer a byte to have a field of the table repeated.
  if (!trailers) {
    stream.text().add(name, value);
    if (stream.text().size() > 4 * http2::RequestText::max_size) impatient_ = true;
  } else if (stream.request_trailers().size() + name.size() + value.size() < max_trailers) {
    http2::add_trailer(name, value, stream.request_trailers());
  } else {
    impatient_ = true;
  }
}

/// A stream closes those below it that were never opened (RFC 9113, section 5.1.1); nghttp2 cannot
/// tell them from others that were closed, which late frames may still come for.
void Http2Session::note_opened(std::int32_t stream_id) {
  if (stream_id > last_opened_ + 2) {
    first_skipped_ = last_opened_ + 2;
    last_skipped_ = stream_id - 2;
  }
  last_opened_ = stream_id;
}

bool Http2Session::was_skipped(std::int32_t stream_id) const {
  return stream_id >= first_skipped_ && stream_id <= last_skipped_;
}

void Http2Session::on_frame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA: break;
    default: on_control_frame(frame); return;
  }
  head_deadline_us_ = 0;
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.hd.type == NGHTTP2_DATA && !ends && frame.hd.length <= frame.data.padlen) nuisance();
  Http2Stream* stream = find(frame.hd.stream_id);
  if (!stream) return;
  if (frame.hd.type == NGHTTP2_HEADERS) {
    if (stream->text().is_too_large()) nuisance(oversized_head_nuisance);
    stream->head_received();
    patience_.allow(control_per_frame);
    work_later(*stream);
  }
  if (ends) stream->request_ended();
}

void Http2Session::on_control_frame(const nghttp2_frame& frame) {
  const bool is_ack = (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_RST_STREAM: nuisance(); break;
    case NGHTTP2_PING:
      if (is_ack && drain_deadline_us_ != 0) {
        drain_deadline_us_ = 0;
        nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                              nullptr, 0);
        break;
      }
      [[fallthrough]];
    case NGHTTP2_SETTINGS:
    case NGHTTP2_WINDOW_UPDATE:
      release_held();
      if (frame.hd.type == NGHTTP2_SETTINGS && is_ack) break;
      control();
      break;
    default: break;
  }
}

/// Frames as small as what is left of the windows would come back as windows as small, and so on:
/// the silly window syndrome (RFC 1122, section 4.2.3.4), whose cure this is. Whoever opens windows
/// only once they are used up is waited for in vain, but not for long.
bool Http2Session::holds(Http2Stream& stream, std::size_t size) {
  const std::size_t most =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
  if (size >= std::min(large_frame, most / 2) || hold_is_over_) return false;
  stream.held_ = true;
  if (held_until_us_ == 0) {
    held_until_us_ = worker_.loop().now_us() + hold_us;
    set_timer();
  }
  return true;
}

void Http2Session::release_held() {
  if (held_until_us_ == 0) return;
  held_until_us_ = 0;
  set_timer();
  streams_.for_each([this](Http2Stream& stream) {
    if (std::exchange(stream.held_, false)) nghttp2_session_resume_data(session_, stream.id_);
  });
}

void Http2Session::control() {
  if (!patience_.control(worker_.loop().now_us())) impatient_ = true;
}

void Http2Session::nuisance(std::int64_t count) {
  if (!patience_.lose(worker_.loop().now_us(), count)) impatient_ = true;
}

void Http2Session::on_stream_closed(Http2Stream& stream) {
  stream.closed();
  if (head_of_ == &stream) head_of_ = nullptr;
  if (!stream.received_.empty())
    nghttp2_session_consume_connection(session_, stream.received_.size());
  closed_.push_back(&stream);
}

void Http2Session::consume(Http2Stream& stream, std::size_t size) {
  if (size > 0 && !stream.is_closed()) nghttp2_session_consume(session_, stream.id_, size);
}

// ---- What is sent -------------------------------------------------------------------------------

bool Http2Session::is_blocked() const {
  const bool blocked = client_.is_blocked() || output_.size() > output_wanted;
  if (blocked) told_blocked_ = true;
  return blocked;
}

std::int32_t Http2Session::window(std::int32_t stream_id) const {
  return std::min(nghttp2_session_get_stream_remote_window_size(session_, stream_id),
                  nghttp2_session_get_remote_window_size(session_));
}

void Http2Session::submit_interim(Http2Stream& stream, const http2::ResponseFields& fields) {
  if (stream.is_closed()) return;
  Fields list;
  const std::size_t count = as_nghttp2(fields, list);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr, list.data(), count,
                         nullptr);
  pump();
}

void Http2Session::submit_answer(Http2Stream& stream, const http2::ResponseFields& fields,
                                 bool has_body) {
  if (stream.is_closed()) return;
  Fields list;
  const std::size_t count = as_nghttp2(fields, list);
  nghttp2_data_provider body{};
  body.source.ptr = &stream;
  body.read_callback = Callbacks::read_body;
  nghttp2_submit_response(session_, stream.id_, list.data(), count, has_body ? &body : nullptr);
}

void Http2Session::resume(Http2Stream& stream) {
  if (!stream.is_closed()) nghttp2_session_resume_data(session_, stream.id_);
}

void Http2Session::reset(Http2Stream& stream, std::uint32_t error) {
  if (!stream.is_closed())
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, error);
  pump();
}

void Http2Session::on_frame_sent(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA: break;
    case NGHTTP2_RST_STREAM: {
      // Provoked by the peer, unless the exchange ended so.
      const Http2Stream* stream = find(frame.hd.stream_id);
      if (frame.rst_stream.error_code != NGHTTP2_NO_ERROR && (!stream || !stream->was_aborted()))
        nuisance();
      return;
    }
    default: return;
  }
  patience_.allow(control_per_frame);
  idle_since_us_ = worker_.loop().now_us();
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  patience_.regain();
  Http2Stream* stream = find(frame.hd.stream_id);
  // The answer is whole; the rest of the request is not wanted (RFC 9113, section 8.1).
  if (stream && !stream->request_ended_)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id_, NGHTTP2_NO_ERROR);
}

void Http2Session::pump() {
  if (receiving_ || failed_ || !client_.is_open()) return;
  while (nghttp2_session_want_write(session_) != 0) {
    if (output_.size() > output_wanted || no_room_) {
      send_output();
      if (output_.size() > output_wanted || failed_) break;
      no_room_ = false;
    }
    if (!output_) output_ = worker_.loop().buffers().take(BufferPool::large);
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size < 0) failed_ = true;
    if (size > 0)
      output_.append({reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)});
    if (size <= 0 && !no_room_) break;
  }
  if (output_ && output_.size() == 0) output_.reset();
  if (failed_ || (output_ && !client_.is_blocked())) flush_later();
}

/// Once in a turn of the loop; what comes up while it is being done is done with it.
void Http2Session::flush_later() {
  if (!receiving_ && !flushing_) worker_.loop().resume_later(client_);
}

void Http2Session::send_output() {
  if (!output_ || client_.is_blocked()) return;
  if (client_.send(output_.view()) == Connection::Sent::failed) failed_ = true;
  output_.reset();
}

void Http2Session::flush() {
  flushing_ = true;
  for (int rounds = flush_rounds; rounds > 0 && !failed_; --rounds) {
    settle();
    pump();
    send_output();
    if (told_blocked_ && !is_blocked()) {
      told_blocked_ = false;
      streams_.for_each([](Http2Stream& stream) { stream.drained(); });
    }
    if (work_.empty() && drained_.empty() && (!output_ || client_.is_blocked())) break;
  }
  flushing_ = false;
  if (failed_) {
    client_.close();
    return;
  }
  if (impatient_ && !ending_) {  // of frames that it made us send
    worker_.stats().http2_abuses.add();
    end(NGHTTP2_ENHANCE_YOUR_CALM);
    pump();
    send_output();
  }
  if (!work_.empty() || !drained_.empty() || (output_ && !client_.is_blocked())) flush_later();
  const bool over = nghttp2_session_want_read(session_) == 0 || ending_;
  if (over && !output_ && nghttp2_session_want_write(session_) == 0) {
    client_.end_after_flush();
    return;
  }
  set_timer();
}

// ---- Work ---------------------------------------------------------------------------------------

void Http2Session::work_later(Http2Stream& stream) {
  if (stream.in_work_) return;
  stream.in_work_ = true;
  work_.push_back(&stream);
  flush_later();
}

void Http2Session::drained_later(Http2Stream& stream) {
  if (stream.in_drained_) return;
  stream.in_drained_ = true;
  drained_.push_back(&stream);
  flush_later();
}

void Http2Session::settle() {
  while (!work_.empty() || !drained_.empty()) {
    for (Http2Stream* stream : std::exchange(work_, {})) {
      stream->in_work_ = false;
      stream->work();
    }
    for (Http2Stream* stream : std::exchange(drained_, {})) {
      stream->in_drained_ = false;
      stream->drained();
    }
  }
  for (Http2Stream* stream : std::exchange(closed_, {})) {
    stream->end_exchange();
    delete stream;
  }
}

void Http2Session::exchange_started() { ++exchanges_; }

void Http2Session::exchange_ended() {
  if (--exchanges_ == 0) idle_since_us_ = worker_.loop().now_us();
}

}  // namespace berth::router
