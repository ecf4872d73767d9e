// SPDX-License-Identifier: Apache-2.0
//
// The host names and paths that an app answers at: the platform's own first, then custom ones.
#include <algorithm>

#include "api/handlers.hpp"
#include "api/range.hpp"
#include "platform/names.hpp"

namespace berth::api {

namespace {

/// A name of the platform's own domain would shadow another app or the platform itself.
Outcome<void> check_free(const Call& call, const std::string& route) {
  const std::string name = lower_case(route.substr(0, route.find('/')));
  const std::string& domain = call.settings().domain;
  const bool covers = name.starts_with("*.") && ("." + domain).ends_with(name.substr(1));
  if (name == domain || name.ends_with("." + domain) || covers)
    return invalid_params("names below " + domain +
                          " belong to the platform: an app there is reached at "
                          "its own name. Rename the app instead");
  return {};
}

}  // namespace

Answer list_domains(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  const auto item = [](const json::object& shape) {
    std::string hostname(shape.at("hostname").get_string());
    std::string id(shape.at("id").get_string());
    return ListItem{{std::move(hostname), std::move(id)}, [shape] { return shape; }};
  };
  std::vector<ListItem> items;
  items.push_back(item(call.render().default_domain(app)));
  for (const platform::Domain& domain : call.store().domains(app.id))
    items.push_back(item(call.render().domain(domain)));
  return list_response(call.request, {"hostname", "id"}, std::move(items));
}

Answer create_domain(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const std::string hostname, require_string(call.body, "hostname"));
  BERTH_TRY(check_free(call, hostname));
  BERTH_ASSIGN(const platform::Domain domain,
               call.store().add_domain(app.id, hostname, call.actor()));
  call.control().reconcile(app.id);
  return json_response(call.render().domain(domain), 201);
}

Answer get_domain(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  const std::string name = platform::normal_route(call.param("domain"));
  const json::object own = call.render().default_domain(app);
  if (own.at("hostname").get_string() == name || own.at("id").get_string() == name)
    return json_response(own);
  for (const platform::Domain& domain : call.store().domains(app.id))
    if (domain.route() == name || domain.id.value == name)
      return json_response(call.render().domain(domain));
  return not_found("the app has no domain '" + name.substr(0, 80) + "'. `berth domains` lists them",
                   "domain");
}

Answer delete_domain(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  const std::string name = platform::normal_route(call.param("domain"));
  const json::object own = call.render().default_domain(app);
  if (own.at("hostname").get_string() == name || own.at("id").get_string() == name)
    return Problem(403, "forbidden",
                   "this is the app's own name on the platform; it goes with the app");
  BERTH_ASSIGN(const platform::Domain domain,
               or_missing(call.store().remove_domain(app.id, name, call.actor()), "domain"));
  call.control().reconcile(app.id);
  return json_response(call.render().domain(domain));
}

}  // namespace berth::api
