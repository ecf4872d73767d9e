// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/apps/sample.hpp"

#include <set>

#include "base/file.hpp"
#include "base/json.hpp"

namespace berth::test {

Result<Sample> read_sample(const std::filesystem::path& directory) {
  static const std::set<std::string, std::less<>> known = {
      "path", "status", "contains", "equals", "logs",  "detects", "processes",
      "env",  "fails",  "says",     "network", "quick", "small_limits",
      "upstream"};
  const auto file = directory / "app.expect.json";
  BERTH_ASSIGN(const std::string text, read_file(file));
  BERTH_ASSIGN(const json::object object, with_context(parse_json_object(text), file.string()));
  const auto invalid = [&](const std::string& what) {
    return Error{ErrorKind::invalid, file.string() + ": " + what};
  };
  for (const auto& [key, value] : object)
    if (!known.contains(std::string_view(key))) return invalid("unknown key " + std::string(key));
  const auto word = [&](std::string_view key) { return optional_string(object, key).value_or(""); };
  const auto flag = [&](std::string_view key) {
    return optional_bool(object, key).value_or(false);
  };
  Sample sample{.name = directory.filename().string(),
                .path = optional_string(object, "path").value_or("/"),
                .status = static_cast<int>(optional_int(object, "status").value_or(200)),
                .contains = word("contains"),
                .equals = word("equals"),
                .logs = word("logs"),
                .detects = word("detects"),
                .processes = {},
                .env = {},
                .fails = word("fails"),
                .says = word("says"),
                .upstream = word("upstream"),
                .network = flag("network"),
                .quick = flag("quick"),
                .small_limits = flag("small_limits")};
  if (const auto* list = object.if_contains("processes"))
    for (const auto& name : list->as_array()) sample.processes.emplace_back(name.as_string());
  if (const auto* variables = object.if_contains("env"))
    for (const auto& [name, value] : variables->as_object())
      sample.env.emplace(name, value.as_string());
  const bool answers = !(sample.contains + sample.equals).empty();
  if (!answers && !object.contains("status")) sample.status = 0;
  const bool does = answers || !sample.logs.empty() || !sample.processes.empty();
  if (sample.fails.empty() ? !does || sample.detects.empty() : sample.says.empty())
    return invalid("says neither what answers nor what fails, and why");
  return sample;
}

}  // namespace berth::test
