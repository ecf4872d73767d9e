// SPDX-License-Identifier: Apache-2.0
#include "platform/placement.hpp"

#include <algorithm>

#include "base/split.hpp"

namespace berth::platform {

namespace {

constexpr std::size_t longest_word = 40;
constexpr std::size_t most_labels = 10;

std::string shown(std::string_view text) { return "'" + std::string(text.substr(0, 60)) + "'"; }

Result<void> read_word(std::string_view word, Placement& placement) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos)
    return Error{ErrorKind::invalid,
                 shown(word) + " is not KEY=VALUE, such as pool=default or oci=runsc"};
  const std::string key(word.substr(0, equals));
  const std::string value(word.substr(equals + 1));
  if (key == "oci") {
    if (std::ranges::find(container_makers, value) == std::end(container_makers))
      return Error{ErrorKind::invalid, "oci=" + value.substr(0, longest_word) +
                                           ": containers are made by native, crun, runc or runsc"};
    if (!placement.oci.empty()) return Error{ErrorKind::invalid, "oci is given twice"};
    placement.oci = value;
    return {};
  }
  BERTH_TRY(check_label(key, value));
  if (!placement.labels.emplace(key, value).second)
    return Error{ErrorKind::invalid, key + " is given twice"};
  return {};
}

}  // namespace

bool is_label_word(std::string_view text) {
  return !text.empty() && text.size() <= longest_word && text.front() != '-' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

Result<void> check_label(std::string_view key, std::string_view value) {
  if (key == "oci")
    return Error{ErrorKind::invalid, "'oci' is what makes containers, and can be no label"};
  for (const std::string_view word : {key, value})
    if (!is_label_word(word))
      return Error{ErrorKind::invalid,
                   shown(word) + " must be 1 to 40 lower-case letters, digits, dots and dashes"};
  return {};
}

Result<Placement> parse_placement(const std::vector<std::string>& words) {
  Placement placement;
  for (const std::string& word : words) BERTH_TRY(read_word(word, placement));
  if (placement.labels.size() > most_labels)
    return Error{ErrorKind::invalid, "more than 10 labels: give a pool one that stands for them"};
  return placement;
}

Result<Placement> parse_placement(std::string_view text) {
  return parse_placement(split(text));
}

std::string placement_text(const Placement& placement) {
  std::string text;
  const auto add = [&text](const std::string& key, const std::string& value) {
    text += (text.empty() ? "" : " ") + key + "=" + value;
  };
  for (const auto& [key, value] : placement.labels) add(key, value);
  if (!placement.oci.empty()) add("oci", placement.oci);
  return text;
}

std::map<std::string, std::string> labels_of(const std::string& name, const Pool& pool) {
  std::map<std::string, std::string> labels = pool.labels;
  labels["pool"] = name;
  return labels;
}

std::map<std::string, std::string> wanted_labels(const Placement& placement) {
  if (placement.labels.empty()) return {{"pool", std::string(default_pool)}};
  return placement.labels;
}

std::vector<std::string> pools_for(const Placement& placement, const Pools& pools) {
  std::vector<std::string> result;
  const auto wanted = wanted_labels(placement);
  for (const auto& [name, pool] : pools) {
    const auto labels = labels_of(name, pool);
    if (std::ranges::includes(labels, wanted)) result.push_back(name);
  }
  return result;
}

}  // namespace berth::platform
