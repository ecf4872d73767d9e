// SPDX-License-Identifier: Apache-2.0
//
// Which bytes HTTP allows where (RFC 9110, section 5; RFC 9112, section 2), as tables and as
// 16-byte steps where the CPU has SSE2. Pure; used by every scanner of the data plane.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace berth::router::http {

namespace detail {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  return table;
}

inline constexpr auto token_table = make_token_table();

}  // namespace detail

[[nodiscard]] constexpr bool is_token(char c) {
  return detail::token_table[static_cast<unsigned char>(c)];
}
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
/// May stand in a field value: everything but controls; horizontal tab is allowed.
[[nodiscard]] constexpr bool is_value_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 || byte == '\t') && byte != 0x7f;
}

[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view text,
                                                  std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (to_lower(text[i]) != lower_case[i]) return false;
  return true;
}

/// The first byte that may not stand in a field value, or `end`.
[[nodiscard]] inline const char* find_value_end(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i limit = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, limit), bytes);
    const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), control),
                                     _mm_cmpeq_epi8(bytes, del));
    if (const int mask = _mm_movemask_epi8(bad))
      return at + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (at != end && is_value_byte(*at)) ++at;
  return at;
}

/// The first byte that may not stand in a request target (a control, space or DEL), or `end`.
/// Bytes above 0x7f pass: clients send raw UTF-8 paths, and no framing depends on them.
[[nodiscard]] inline const char* find_target_end(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i limit = _mm_set1_epi8(0x20);
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i bad = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(bytes, limit), bytes),
                                     _mm_cmpeq_epi8(bytes, del));
    if (const int mask = _mm_movemask_epi8(bad))
      return at + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (at != end && static_cast<unsigned char>(*at) > 0x20 && *at != 0x7f) ++at;
  return at;
}

/// Calls `visit(item)` for each non-empty element of a comma-separated list, blanks trimmed.
template <class Visit>
constexpr void for_each_list_item(std::string_view list, Visit&& visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (!item.empty()) visit(item);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace berth::router::http
