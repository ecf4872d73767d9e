// SPDX-License-Identifier: Apache-2.0
//
// Pages of a list as the Platform API has them: `Range: version ..; max=15, order=desc` in,
// `Content-Range` and, when the list was cut (206), `Next-Range` out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/http.hpp"

namespace berth::api {

inline constexpr std::size_t default_page = 200;
inline constexpr std::size_t largest_page = 1000;

struct Range {
  std::string field;         ///< "" if the client named none
  std::string start;         ///< "" if open
  bool after_start = false;  ///< `]` before the start: without it
  std::string end;
  std::size_t max = default_page;
  std::optional<bool> descending;
};

/// Lenient: "", "id ..", "version ..; max=15, order=desc", "order=desc,max=1".
[[nodiscard]] Outcome<Range> parse_range(std::string_view header);

/// One element and what it can be sorted by; numbers sort as numbers.
struct ListItem {
  using Key = std::variant<std::int64_t, std::string>;
  std::vector<Key> keys;  ///< one for each of the fields that list_response is told, in their order
  std::function<json::object()> shape;  ///< asked only for what is on the page
};

/// Sorts by the field of the request's Range (the first of `fields` by default) and cuts.
[[nodiscard]] Answer list_response(const Request& request,
                                   const std::vector<std::string_view>& fields,
                                   std::vector<ListItem> items);

/// The head of a page that was cut already.
void add_page_headers(Response& response, const Range& range, std::string_view field,
                      const std::string& first, const std::string& last, bool more);

}  // namespace berth::api
