// SPDX-License-Identifier: Apache-2.0
#include "base/dns.hpp"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <charconv>

namespace berth {

namespace {

constexpr std::size_t largest_message = 65'535;

class Resolver final {
 public:
  Resolver() : ready_(res_ninit(&state_) == 0) {
    state_.retrans = 2;  // seconds
    state_.retry = 2;
  }
  ~Resolver() {
    if (ready_) res_nclose(&state_);
  }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  [[nodiscard]] bool is_ready() const { return ready_; }
  void ask(const sockaddr_in& server) {
    state_.nsaddr_list[0] = server;
    state_.nscount = 1;
  }
  /// The size of the answer, or -1.
  int query(const std::string& name, std::string& answer) {
    return res_nquery(&state_, name.c_str(), ns_c_in, ns_t_txt,
                      reinterpret_cast<unsigned char*>(answer.data()),
                      static_cast<int>(answer.size()));
  }
  [[nodiscard]] int failure() const { return state_.res_h_errno; }

 private:
  struct __res_state state_ {};
  bool ready_;
};

/// Strings of a length and so many bytes, which belong together.
std::string text_of(std::string_view data) {
  std::string text;
  while (!data.empty()) {
    const auto size = static_cast<unsigned char>(data.front());
    text += data.substr(1, size);
    data.remove_prefix(std::min<std::size_t>(data.size(), std::size_t{1} + size));
  }
  return text;
}

}  // namespace

Result<DnsServer> parse_dns_server(std::string_view text) {
  DnsServer server;
  const std::size_t colon = text.find(':');
  server.address = text.substr(0, colon);
  bool good = true;
  if (colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    const char* const behind = port.data() + port.size();
    const auto [end, failure] = std::from_chars(port.data(), behind, server.port);
    good = failure == std::errc{} && end == behind && server.port >= 1 && server.port <= 65'535;
  }
  in_addr address{};
  if (!good || ::inet_pton(AF_INET, server.address.c_str(), &address) != 1)
    return Error{ErrorKind::invalid, "must be an IPv4 address, perhaps with a port, such as "
                                     "192.0.2.1:53, not '" +
                                         std::string(text) + "'"};
  return server;
}

Result<std::vector<std::string>> txt_records_in(std::string_view message) {
  ns_msg parsed;
  const Error unreadable{ErrorKind::invalid, "the name server's answer cannot be read"};
  if (ns_initparse(reinterpret_cast<const unsigned char*>(message.data()),
                   static_cast<int>(message.size()), &parsed) != 0)
    return unreadable;
  std::vector<std::string> texts;
  for (int i = 0; i < ns_msg_count(parsed, ns_s_an); ++i) {
    ns_rr record;
    if (ns_parserr(&parsed, ns_s_an, i, &record) != 0) return unreadable;
    if (ns_rr_type(record) == ns_t_txt)
      texts.push_back(
          text_of({reinterpret_cast<const char*>(ns_rr_rdata(record)),
                   static_cast<std::size_t>(ns_rr_rdlen(record))}));
  }
  return texts;
}

Result<std::vector<std::string>> txt_records(const std::string& name, const std::string& server) {
  Resolver resolver;
  if (!resolver.is_ready()) return Error{ErrorKind::io, "the system's resolver is not set up"};
  if (!server.empty()) {
    BERTH_ASSIGN(const DnsServer asked, parse_dns_server(server));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(asked.port));
    ::inet_pton(AF_INET, asked.address.c_str(), &address.sin_addr);
    resolver.ask(address);
  }
  std::string answer(largest_message, '\0');
  if (const int size = resolver.query(name, answer); size >= 0) {
    answer.resize(static_cast<std::size_t>(size));
    return txt_records_in(answer);
  }
  if (resolver.failure() == HOST_NOT_FOUND || resolver.failure() == NO_DATA)
    return std::vector<std::string>{};
  return Error{ErrorKind::unavailable,
               std::string("the name server does not answer (") + ::hstrerror(resolver.failure()) +
                   ")"};
}

}  // namespace berth
