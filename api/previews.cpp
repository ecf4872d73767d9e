// SPDX-License-Identifier: Apache-2.0
//
// The previews of an app. Each is an app itself; here they are listed, and removed by name.
#include "api/handlers.hpp"
#include "api/range.hpp"

namespace berth::api {

Answer list_previews(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  std::vector<ListItem> items;
  for (const platform::App& preview : call.store().previews(app.id))
    items.push_back({{preview.name, preview.id.value},
                     [&call, preview] { return call.render().app(preview); }});
  return list_response(call.request, {"name", "id"}, std::move(items));
}

Answer delete_preview(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::App preview,
               or_missing(call.store().find_preview(app.id, call.param("preview")), "preview"));
  const json::object shape = call.render().app(preview);
  BERTH_TRY(call.store().destroy_app(preview.id, call.actor()));
  call.control().app_destroyed(preview);
  return json_response(shape);
}

}  // namespace berth::api
