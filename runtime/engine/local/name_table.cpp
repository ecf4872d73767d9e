// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/name_table.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <vector>

namespace berth::runtime {

namespace {

constexpr std::size_t header_bytes = 12;
constexpr std::size_t longest_name = 255;
constexpr std::size_t most_addresses = 320;  ///< in bytes, fit into a packet of 512
constexpr std::uint32_t life_s = 1;       ///< replicas come and go
constexpr std::string_view domain = ".internal";

enum Code : std::uint8_t {
  no_error = 0,
  form_error = 1,
  no_name = 3,
  not_implemented = 4,
  refused = 5,
};
constexpr std::uint16_t type_a = 1;
constexpr std::uint16_t type_aaaa = 28;
constexpr std::uint16_t class_in = 1;

std::uint16_t number_at(std::string_view packet, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(packet[at]) << 8 |
                                    static_cast<unsigned char>(packet[at + 1]));
}

void append(std::string& to, std::uint16_t number) {
  to += static_cast<char>(number >> 8);
  to += static_cast<char>(number & 255);
}

struct Question {
  std::string name;  ///< in lower case, dots between the labels, none at the end
  std::uint16_t type = 0;
  std::uint16_t of_class = 0;
  std::size_t end = 0;  ///< behind it
};

std::optional<Question> read_question(std::string_view packet) {
  Question question;
  std::size_t at = header_bytes;
  for (;;) {
    if (at >= packet.size()) return std::nullopt;
    const auto length = static_cast<unsigned char>(packet[at++]);
    if (length == 0) break;
    // A question has nothing before it that it could point to.
    if (length > 63 || at + length > packet.size() || question.name.size() > longest_name)
      return std::nullopt;
    if (!question.name.empty()) question.name += '.';
    for (const char c : packet.substr(at, length))
      question.name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    at += length;
  }
  if (at + 4 > packet.size()) return std::nullopt;
  question.type = number_at(packet, at);
  question.of_class = number_at(packet, at + 2);
  question.end = at + 4;
  return question;
}

/// Header and question of an answer.
std::string head_of(std::string_view packet, std::size_t question_end, Code code,
                    std::size_t answers) {
  std::string text(packet.substr(0, 2));
  const bool recursion = (packet[2] & 1) != 0;
  // An answer, and of the authority.
  text += static_cast<char>(0x84 | (packet[2] & 0x78) | (recursion ? 1 : 0));
  text += static_cast<char>(code);
  append(text, question_end > header_bytes ? 1 : 0);
  append(text, static_cast<std::uint16_t>(answers));
  append(text, 0);
  append(text, 0);
  return text.append(packet.substr(header_bytes, question_end - header_bytes));
}

/// One entry of an answer, for the question's name.
void append_address(std::string& to, std::uint16_t type, std::span<const std::uint8_t> address) {
  append(to, 0xC000 | header_bytes);
  append(to, type);
  append(to, class_in);
  append(to, 0);
  append(to, life_s);
  append(to, static_cast<std::uint16_t>(address.size()));
  to.append(address.begin(), address.end());
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

}  // namespace

void NameTable::join(std::uint32_t address, std::uint32_t app, std::string_view type) {
  entries_[address] = {.app = app, .type = lower(type), .serving = false};
}

void NameTable::set_serving(std::uint32_t address, bool serving) {
  if (const auto found = entries_.find(address); found != entries_.end())
    found->second.serving = serving;
}

std::optional<std::string> NameTable::answer(std::string_view packet, std::uint32_t from,
                                             const Ipv6Of& ipv6_of) {
  // What is an answer itself gets none: two servers would talk for ever.
  if (packet.size() < header_bytes || (packet[2] & 0x80) != 0) return std::nullopt;
  if ((packet[2] & 0x78) != 0) return head_of(packet, header_bytes, not_implemented, 0);
  const auto question =
      number_at(packet, 4) == 1 ? read_question(packet) : std::optional<Question>();
  if (!question) return head_of(packet, header_bytes, form_error, 0);
  const auto asker = entries_.find(from);
  const bool ours = question->name.ends_with(domain) || question->name == domain.substr(1);
  if (!ours || question->of_class != class_in || asker == entries_.end())
    return head_of(packet, question->end, refused, 0);
  const std::string type = question->name.substr(
      0, question->name.size() - std::min(question->name.size(), domain.size()));
  std::vector<std::uint32_t> found;
  for (const auto& [address, entry] : entries_)
    if (entry.serving && entry.app == asker->second.app && entry.type == type)
      found.push_back(address);
  if (found.empty()) return head_of(packet, question->end, no_name, 0);
  std::uint32_t& turn = question->type == type_aaaa ? turn6_ : turn_;
  std::ranges::rotate(found, found.begin() + static_cast<std::ptrdiff_t>(turn++ % found.size()));
  std::string entries;
  std::size_t count = 0;
  const auto add = [&](std::span<const std::uint8_t> address) {
    if (entries.size() + 12 + address.size() > most_addresses) return false;
    append_address(entries, question->type, address);
    return ++count > 0;
  };
  for (const std::uint32_t address : found) {
    bool room = true;
    if (question->type == type_a) {
      const std::array<std::uint8_t, 4> bytes = {
          static_cast<std::uint8_t>(address >> 24), static_cast<std::uint8_t>(address >> 16),
          static_cast<std::uint8_t>(address >> 8), static_cast<std::uint8_t>(address)};
      room = add(bytes);
    } else if (question->type == type_aaaa) {
      if (const auto address6 = ipv6_of(address)) room = add(address6->bytes());
    }
    if (!room) break;
  }
  return head_of(packet, question->end, no_error, count) + entries;
}

}  // namespace berth::runtime
