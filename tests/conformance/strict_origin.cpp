// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/strict_origin.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <regex>
#include <utility>

namespace berth::router::test {

namespace {

using namespace std::string_literals;

constexpr std::string_view token_signs = "!#$%&'*+-.^_`|~";

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) || token_signs.find(static_cast<char>(c)) != token_signs.npos;
  });
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 19 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// A head as an origin reads it, and why it could be read in another way; empty: it could not.
struct Seen {
  std::string target;
  std::string danger;
  std::size_t length = 0;
  bool chunked = false;
};

Seen read_head(std::string_view head) {
  Seen seen;
  const auto danger = [&](std::string text) {
    if (seen.danger.empty()) seen.danger = std::move(text);
  };
  std::map<std::string, int> count;
  bool first = true;
  for (std::string_view rest = head.substr(0, head.size() - 2); !rest.empty();) {
    const auto end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (std::ranges::any_of(line, [](unsigned char c) { return (c < 32 && c != 9) || c == 127; }))
      danger("a control character");
    if (std::exchange(first, false)) {
      const auto space = line.find(' ');
      const auto last = line.rfind(' ');
      if (space == line.npos || last == space || line.substr(last + 1) != "HTTP/1.1" ||
          !is_token(line.substr(0, space)))
        danger("a request line that is none");
      else if (line.starts_with("CONNECT ") || line.starts_with("PRI "))
        danger("a method whose requests end otherwise, as some read it");
      else
        seen.target = line.substr(space + 1, last - space - 1);
      if (seen.target.find_first_of(" \t") != seen.target.npos) danger("space in the target");
      continue;
    }
    const auto colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon))) {
      danger("a field without a name");
      continue;
    }
    const std::string name = lower(line.substr(0, colon));
    std::string value(line.substr(colon + 1));
    value.erase(0, value.find_first_not_of(' '));
    ++count[name];
    if (name == "content_length" || name == "transfer_encoding")
      danger("a twin of a framing field, as some read it");
    if (name == "content-length") {
      if (is_number(value))
        seen.length = std::stoul(value);
      else
        danger("a length that is none");
    }
    if (name == "transfer-encoding") {
      seen.chunked = true;
      if (value != "chunked") danger("a coding that is not exactly chunked");
    }
  }
  for (const char* once : {"host", "content-length", "transfer-encoding"})
    if (count[once] > 1) danger("two fields "s + once);
  if (count["host"] != 1) danger("no host");
  if (count["content-length"] + count["transfer-encoding"] > 1) danger("two kinds of framing");
  return seen;
}

/// Of chunks (RFC 9112, section 7.1.1), without the blanks that only a recipient need allow.
bool are_extensions(const std::string& text) {
  static const std::regex pattern(
      R"re((;[-!#$%&'*+.^_`|~0-9A-Za-z]+(=([-!#$%&'*+.^_`|~0-9A-Za-z]+|"([^"\\]|\\.)*"))?)*)re");
  return std::regex_match(text, pattern) &&
         std::ranges::none_of(text, [](unsigned char c) { return (c < 32 && c != 9) || c == 127; });
}

/// Reads chunks to their end; false if they are not exactly such, or the stream ends before.
bool read_chunks(Peer& peer, Verdict& verdict) {
  for (;;) {
    const std::string line = peer.read_until("\r\n");
    if (line.empty()) return false;
    const std::string digits = line.substr(0, line.find_first_of(";\r"));
    if (digits.empty() || digits.size() > 15 ||
        digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos ||
        !are_extensions(line.substr(digits.size(), line.size() - 2 - digits.size()))) {
      verdict.add("a chunk whose size can be read in two ways: " + line);
      return false;
    }
    const std::size_t size = std::stoul(digits, nullptr, 16);
    if (size == 0) break;
    const std::string data = peer.read_exactly(size + 2);
    if (data.size() != size + 2) return false;
    if (!data.ends_with("\r\n")) verdict.add("a chunk that does not end where it says");
  }
  for (std::string line; (line = peer.read_until("\r\n")) != "\r\n";) {
    if (line.empty()) return false;
    const std::string name = lower(line.substr(0, line.find(':')));
    if (name == "content-length" || name == "transfer-encoding" || name == "host" ||
        name == "connection" || name == "proxy-connection")
      verdict.add("a trailer that some take for a field of the head: " + line);
  }
  return true;
}

}  // namespace

Server::Serve strict_origin(Verdict& verdict) {
  return [&verdict](Peer& peer) {
    for (;;) {
      const std::string head = peer.read_until("\r\n\r\n");
      if (head.empty()) return;
      const Seen seen = read_head(head);
      verdict.note_request(seen.target);
      if (!seen.danger.empty()) verdict.add(seen.danger + ":\n" + head);
      if (seen.target.find("smuggled") != seen.target.npos)
        verdict.add("a request that nobody sent:\n" + head);
      if (seen.chunked ? !read_chunks(peer, verdict)
                       : peer.read_exactly(seen.length).size() != seen.length)
        return;
      if (!peer.send(response("seen"))) return;
    }
  };
}

std::string shown(std::string_view text) {
  std::string result;
  for (const unsigned char c : text) {
    char escaped[8];
    const char* as = c == '\n' ? "\\n\n" : c < 32 || c > 126 ? "\\x%02x" : "%c";
    std::snprintf(escaped, sizeof escaped, as, c);
    result += escaped;
  }
  return result;
}

}  // namespace berth::router::test
