// SPDX-License-Identifier: Apache-2.0
//
// One request of an HTTP/2 connection: its fields become the head that an exchange starts with, its
// DATA the body that the exchange takes, and what the exchange says becomes frames. Owned by its
// session. It lives until both sides have closed it, which may be after its exchange has ended.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "router/http2/request_text.hpp"
#include "router/loop/intrusive_list.hpp"
#include "router/requester.hpp"

namespace berth::router {

class Exchange;
class Http2Session;
class Worker;
struct StreamsTag;

class Http2Stream final : public Requester, public Hook<StreamsTag> {
 public:
  Http2Stream(Http2Session& session, Worker& worker, std::int32_t id)
      : session_(session), worker_(worker), id_(id) {}
  ~Http2Stream() { Hook<StreamsTag>::unlink(); }

  // From the session; what the peer sent:

  [[nodiscard]] http2::RequestText& text() { return text_; }
  [[nodiscard]] std::string& request_trailers() { return request_trailers_; }
  void head_received() { head_received_ = true; }
  void request_ended();
  void data_received(std::string_view data);
  /// The stream is closed at both ends, or the connection is gone; no more is said on it.
  void closed() { closed_ = true; }
  [[nodiscard]] bool is_closed() const { return closed_; }
  void end_exchange();

  /// What could not be done while frames were read: starts the exchange, hands it body bytes.
  void work();
  /// Its bytes are out: the exchange may give more.
  void drained();
  void cut_off();

  // From the session; what is sent:

  [[nodiscard]] std::size_t available() const {
    return unsent_ ? unsent_.size() : source_.size();
  }
  [[nodiscard]] bool answer_ends() const { return answer_ended_; }
  [[nodiscard]] std::string_view trailers() const { return trailers_; }
  /// The next `size` bytes of what is available; then taken() once they are copied.
  [[nodiscard]] std::string_view take(std::size_t size);
  void taken();
  [[nodiscard]] bool has_exchange() const { return exchange_ != nullptr; }
  /// The answer's end is on its way: whether the client still sends what nobody reads.
  [[nodiscard]] bool is_half_read() const { return !request_ended_; }
  [[nodiscard]] bool was_aborted() const { return aborted_; }

  // For the exchange:

  [[nodiscard]] const Listener& listener() const override;
  [[nodiscard]] std::string_view address() const override;
  [[nodiscard]] bool is_trusted() const override;
  [[nodiscard]] bool frames_bodies() const override { return true; }
  [[nodiscard]] bool is_blocked() const override;
  [[nodiscard]] std::size_t appetite() const override;
  [[nodiscard]] Outcome send_interim(const http::ResponseHead& head) override;
  [[nodiscard]] Outcome send_response(const http::ResponseHead& head,
                                   const http::ResponseContext& context, char* data,
                                   std::size_t size, bool last,
                                   std::string_view trailers) override;
  [[nodiscard]] Outcome send_body(char* data, std::size_t size, bool last,
                               std::string_view trailers) override;
  [[nodiscard]] Outcome send_answer(std::string_view response) override;
  [[nodiscard]] Outcome send_switch(const http::ResponseHead& head, char* data,
                                 std::size_t size) override;
  void end_sending() override;
  void keep(std::string_view) override {}
  [[nodiscard]] Buffer take_kept() override { return {}; }
  void read_later() override;
  void read_on() override { read_later(); }
  void exchange_done(bool keep_alive, bool linger) override;
  void abort() override;
  void lost() override;

 private:
  friend class Http2Session;
  void start();
  [[nodiscard]] Outcome send_whole(const http::ResponseHead& head,
                                const http::ResponseContext& context, std::string_view body,
                                bool last, std::string_view trailers);
  void refuse(int status, std::string_view reason);
  /// Body bytes in the framing that the replica gets; as many as fit behind `out`.
  [[nodiscard]] std::size_t frame_body(char* out, std::size_t capacity);
  void forward_kept();
  void forward_data(std::string_view data);
  void forward_end();
  void discard_kept();
  /// Has the session frame what is at hand; what it does not take now is kept.
  void push(std::string_view data, bool last, std::string_view trailers);

  Http2Session& session_;
  Worker& worker_;
  Exchange* exchange_ = nullptr;
  http2::RequestText text_;
  std::string request_trailers_;
  std::string received_;      ///< DATA that the exchange has not taken
  Buffer unsent_;
  std::string_view source_;   ///< of unsent bytes, during push() alone
  std::string trailers_;
  const std::int32_t id_;
  bool head_received_ = false;
  bool started_ = false;
  bool chunked_ = false;          ///< how the replica gets the body
  bool tunnel_ = false;
  bool request_ended_ = false;    ///< the client sends no more
  bool end_forwarded_ = false;
  bool answer_ended_ = false;     ///< nothing comes behind what is unsent
  bool closed_ = false;
  bool aborted_ = false;
  bool in_work_ = false;          ///< lists of the session
  bool in_drained_ = false;
  bool held_ = false;             ///< until its windows are larger
};

}  // namespace berth::router
