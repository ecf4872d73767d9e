// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/attach_session.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

#include "runtime/engine/attach_frame.hpp"

namespace berth::runtime::shim {

namespace {

unsigned number_at(std::string_view bytes, std::size_t at, std::size_t count) {
  unsigned result = 0;
  for (std::size_t i = 0; i < count; ++i)
    result = result << 8 | static_cast<unsigned char>(bytes[at + i]);
  return result;
}

void put_header(std::string& to, AttachFrame type, std::size_t size) {
  to.push_back(static_cast<char>(type));
  for (int shift = 24; shift >= 0; shift -= 8)
    to.push_back(static_cast<char>(size >> shift & 0xff));
}

}  // namespace

void AttachSession::connect(Fd peer, std::string_view begun, AttachTarget& target) {
  peer_ = std::move(peer);
  ::fcntl(peer_.get(), F_SETFL, O_NONBLOCK);
  incoming_.assign(begun);
  parse(target);
  on_writable();
}

void AttachSession::output(std::string_view bytes) {
  put_header(outgoing_, AttachFrame::data, bytes.size());
  outgoing_.append(bytes);
  on_writable();
}

void AttachSession::exit(int code, int signal) {
  put_header(outgoing_, AttachFrame::exit, 2);
  outgoing_.push_back(static_cast<char>(code));
  outgoing_.push_back(static_cast<char>(signal));
  on_writable();
}

void AttachSession::on_writable() {
  while (peer_ && !outgoing_.empty()) {
    const ssize_t count = ::send(peer_.get(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) return drop();
    outgoing_.erase(0, static_cast<std::size_t>(count));
  }
}

void AttachSession::on_readable(AttachTarget& target) {
  char buffer[16 << 10];
  const ssize_t count = ::recv(peer_.get(), buffer, sizeof buffer, 0);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) return drop();
  incoming_.append(buffer, static_cast<std::size_t>(count));
  parse(target);
}

void AttachSession::parse(AttachTarget& target) {
  std::size_t at = 0;
  while (incoming_.size() - at >= 5) {
    const std::size_t size = number_at(incoming_, at + 1, 4);
    if (size > attach_frame_limit) return drop();
    if (incoming_.size() - at - 5 < size) break;
    const std::string_view payload = std::string_view(incoming_).substr(at + 5, size);
    switch (static_cast<AttachFrame>(incoming_[at])) {
      case AttachFrame::data:
        target.input(payload);
        break;
      case AttachFrame::end:
        target.input_end();
        break;
      case AttachFrame::resize:
        if (size == 4) target.resize(number_at(payload, 0, 2), number_at(payload, 2, 2));
        break;
      case AttachFrame::signal:
        if (size == 1) target.signal(static_cast<unsigned char>(payload[0]));
        break;
      case AttachFrame::exit:
        break;  // from us only
    }
    at += 5 + size;
  }
  incoming_.erase(0, at);
}

void AttachSession::drop() {
  peer_.reset();
  incoming_.clear();
  outgoing_.clear();  // Half of a frame may be gone; the next peer must begin with a whole one.
}

}  // namespace berth::runtime::shim
