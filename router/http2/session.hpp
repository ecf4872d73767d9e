// SPDX-License-Identifier: Apache-2.0
//
// One connection of HTTP/2: nghttp2 reads and writes its frames, a Stream is made for each request.
// Frames are put together in one buffer and leave at the end of the loop's turn, so that answers
// that come together are one write. Nothing is done for a request while frames are being read: a
// request that is cancelled in the same breath costs nothing but its frames. Owned by its Client.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "router/http2/frame_counter.hpp"
#include "router/http2/patience.hpp"
#include "router/http2/response_fields.hpp"
#include "router/loop/buffer.hpp"
#include "router/loop/intrusive_list.hpp"

namespace berth::router {

class Client;
class Http2Stream;
class Worker;
struct StreamsTag;

class Http2Session final {
 public:
  /// Null if memory is short.
  [[nodiscard]] static std::unique_ptr<Http2Session> create(Client& client, Worker& worker);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // From the client:

  /// Bytes that were read.
  void receive(std::string_view data);
  /// Does what waits, and sends what there is; may close the client.
  void flush();
  void on_deadline();
  /// No new requests; the client is ended after those that are here.
  void drain();
  /// Every exchange is cut off, and the peer is told.
  void stop();
  /// The connection is gone: every exchange ends.
  void abandon();

  // From streams:

  [[nodiscard]] Client& client() { return client_; }
  /// The socket takes nothing, or enough waits for it already.
  [[nodiscard]] bool is_blocked() const;
  /// How many bytes the stream's and the connection's windows let through.
  [[nodiscard]] std::int32_t window(std::int32_t stream_id) const;
  void submit_interim(Http2Stream& stream, const http2::ResponseFields& fields);
  void submit_answer(Http2Stream& stream, const http2::ResponseFields& fields, bool has_body);
  /// The stream has something to frame.
  void resume(Http2Stream& stream);
  void reset(Http2Stream& stream, std::uint32_t error);
  /// Makes frames of what was submitted, as far as there is room and windows allow.
  void pump();
  /// Received bytes were taken: the peer may send as many again.
  void consume(Http2Stream& stream, std::size_t size);
  void work_later(Http2Stream& stream);
  void drained_later(Http2Stream& stream);
  void exchange_started();
  void exchange_ended();

 private:
  struct Callbacks;  ///< what nghttp2 calls
  Http2Session(Client& client, Worker& worker);

  void note_opened(std::int32_t stream_id);
  [[nodiscard]] bool was_skipped(std::int32_t stream_id) const;
  void on_frame(const nghttp2_frame& frame);
  void on_frame_sent(const nghttp2_frame& frame);
  void on_control_frame(const nghttp2_frame& frame);
  void on_field(Http2Stream& stream, bool trailers, std::string_view name, std::string_view value);
  void on_stream_closed(Http2Stream& stream);
  void end(std::uint32_t error);
  /// A frame that useful ones bring along, and one that none does.
  void control();
  void nuisance(std::int64_t count = 1);
  /// Whether the stream waits for windows that let through more than `size` bytes of it.
  [[nodiscard]] bool holds(Http2Stream& stream, std::size_t size);
  void release_held();
  void settle();
  void flush_later();
  void send_output();
  void set_timer();
  [[nodiscard]] Http2Stream* find(std::int32_t stream_id) const;

  Client& client_;
  Worker& worker_;
  nghttp2_session* session_ = nullptr;
  Buffer output_;
  http2::Patience patience_;
  http2::FrameCounter frames_;
  std::int64_t dropped_ = 0;  ///< frames received less those that nghttp2 told of
  List<Http2Stream, StreamsTag> streams_;
  std::vector<Http2Stream*> work_;
  std::vector<Http2Stream*> drained_;
  std::vector<Http2Stream*> closed_;
  Http2Stream* head_of_ = nullptr;     ///< whose header block is being received
  std::int64_t head_deadline_us_ = 0;  ///< 0: no header block is being received
  std::int64_t idle_since_us_;
  std::int64_t drain_deadline_us_ = 0;
  std::int64_t held_until_us_ = 0;  ///< streams that wait for larger windows; 0: none does
  std::size_t exchanges_ = 0;
  std::int32_t last_opened_ = -1;
  std::int32_t first_skipped_ = 1;
  std::int32_t last_skipped_ = 0;  ///< of the last such gap; none if smaller
  bool receiving_ = false;    ///< nghttp2 must not be asked for frames meanwhile
  bool flushing_ = false;
  bool ending_ = false;       ///< GOAWAY is on its way, and nothing is read any more
  bool failed_ = false;       ///< the socket is dead
  bool impatient_ = false;    ///< there were too many nuisances
  bool hold_is_over_ = false;
  bool no_room_ = false;      ///< a frame waits for the output to be sent
  mutable bool told_blocked_ = false;  ///< a stream was told so, and stopped
};

}  // namespace berth::router
