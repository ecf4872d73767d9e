// SPDX-License-Identifier: Apache-2.0
//
// The buildpacks that an app's owner chose. A change makes no release: the next push uses it.
#include "api/handlers.hpp"
#include "api/range.hpp"
#include "builder/buildpack_source.hpp"

namespace berth::api {

namespace {

constexpr std::size_t most_buildpacks = 30;

json::object shape_of(const std::vector<std::string>& sources, std::size_t index) {
  return {{"ordinal", index}, {"buildpack", {{"url", sources[index]}, {"name", sources[index]}}}};
}

/// Every element of "updates", checked as a build would read it.
Outcome<std::vector<std::string>> wanted(const json::object& body) {
  const json::array* updates = optional_array(body, "updates");
  if (!updates) return invalid_params("updates must be a list of {\"buildpack\": …}");
  if (updates->size() > most_buildpacks)
    return invalid_params("an app has at most " + std::to_string(most_buildpacks) + " buildpacks");
  std::vector<std::string> sources;
  for (const auto& value : *updates) {
    const json::object* update = value.if_object();
    const auto source = update ? optional_string(*update, "buildpack") : std::nullopt;
    if (!source) return invalid_params("each of updates must be {\"buildpack\": \"…\"}");
    if (const auto parsed = builder::parse_buildpack_source(*source); parsed.has_error())
      return invalid_params(parsed.error().message);
    sources.push_back(*source);
  }
  return sources;
}

}  // namespace

Answer list_buildpacks(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  const auto sources = call.store().buildpacks(app.id);
  std::vector<ListItem> items;
  for (std::size_t i = 0; i < sources.size(); ++i)
    items.push_back(
        {{static_cast<std::int64_t>(i)}, [&sources, i] { return shape_of(sources, i); }});
  return list_response(call.request, {"ordinal"}, std::move(items));
}

Answer update_buildpacks(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const auto sources, wanted(call.body));
  call.store().set_buildpacks(app.id, sources, call.actor());
  json::array list;
  for (std::size_t i = 0; i < sources.size(); ++i) list.push_back(shape_of(sources, i));
  return json_response(list);
}

}  // namespace berth::api
