// SPDX-License-Identifier: Apache-2.0
//
// Releases and the builds that led to them.
#include "api/handlers.hpp"
#include "api/range.hpp"

namespace berth::api {

Answer list_releases(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  std::vector<ListItem> items;
  for (const platform::Release& release : call.store().releases(app.id))
    items.push_back({{std::int64_t{release.version}, release.id.value},
                     [&call, release] { return call.render().release(release); }});
  return list_response(call.request, {"version", "id"}, std::move(items));
}

Answer get_release(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::Release release,
               or_missing(call.store().find_release(app.id, call.param("release")), "release"));
  return json_response(call.render().release(release));
}

Answer create_release(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  std::string wanted;
  if (const auto number = optional_int(call.body, "release")) {
    wanted = std::to_string(*number);
  } else {
    BERTH_ASSIGN(wanted, require_string(call.body, "release"));
  }
  BERTH_ASSIGN(const platform::Release old,
               or_missing(call.store().find_release(app.id, wanted), "release"));
  // Without an image the store says why there is nothing to roll back to.
  if (!old.image.empty())
    if (const auto kept = call.control().check_kept(old); kept.has_error())
      return Problem(kept.error());
  BERTH_ASSIGN(const platform::Release release,
               or_missing(call.store().rollback(app.id, wanted, call.actor()), "release"));
  call.control().reconcile(app.id);
  return json_response(call.render().release(release), 201);
}

Answer list_builds(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  const std::vector<platform::Release> releases = call.store().releases(app.id);
  std::vector<ListItem> items;
  for (const platform::Build& build : call.store().builds(app.id))
    items.push_back(
        {{build.created_at.time_since_epoch().count(), build.id.value}, [&call, &releases, build] {
           return call.render().build(build, call.base_url, &releases);
         }});
  return list_response(call.request, {"created_at", "id"}, std::move(items));
}

Answer get_build(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::Build build,
               or_missing(call.store().find_build(app.id, call.param("build")), "build"));
  return json_response(call.render().build(build, call.base_url));
}

Answer cancel_build(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::Build build,
               or_missing(call.store().find_build(app.id, call.param("build")), "build"));
  const auto cancelled = call.control().cancel_build(build, call.actor().user);
  if (cancelled.has_error()) return Problem(cancelled.error());
  return json_response(call.render().build(build, call.base_url), 202);
}

}  // namespace berth::api
