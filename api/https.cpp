// SPDX-License-Identifier: Apache-2.0
//
// What an app asks of the router for HTTPS: a redirect from plain HTTP, and HSTS.
#include "api/handlers.hpp"

namespace berth::api {

namespace {

json::object shape_of(const platform::HttpsSettings& https) {
  json::value hsts = nullptr;
  if (https.hsts)
    hsts = {{"max_age", https.hsts->max_age_s},
            {"include_subdomains", https.hsts->subdomains},
            {"preload", https.hsts->preload}};
  return {{"redirect", https.redirect}, {"hsts", std::move(hsts)}};
}

Outcome<platform::Hsts> hsts_of(const json::object& wanted) {
  platform::Hsts hsts;
  BERTH_ASSIGN(hsts.max_age_s, require_int(wanted, "max_age"));
  hsts.subdomains = optional_bool(wanted, "include_subdomains").value_or(false);
  hsts.preload = optional_bool(wanted, "preload").value_or(false);
  return hsts;
}

}  // namespace

Answer get_https(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  return json_response(shape_of(app.https));
}

Answer update_https(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  platform::HttpsSettings https = app.https;
  if (const auto redirect = optional_bool(call.body, "redirect")) https.redirect = *redirect;
  if (const json::value* hsts = call.body.if_contains("hsts")) {
    if (hsts->is_null()) {
      https.hsts.reset();
    } else if (const json::object* wanted = hsts->if_object()) {
      BERTH_ASSIGN(https.hsts, hsts_of(*wanted));
    } else {
      return invalid_params("hsts must be an object with max_age, or null");
    }
  }
  if (call.settings().router.https == 0 && (https.redirect || https.hsts))
    return invalid_params(
        "this platform serves no HTTPS, so nobody could follow. Its operator sets router.https in "
        "berth.yaml");
  BERTH_ASSIGN(const platform::App after,
               call.store().set_https(app.id, https, call.actor()));
  call.control().reconcile(app.id);
  return json_response(shape_of(after.https));
}

}  // namespace berth::api
