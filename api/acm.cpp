// SPDX-License-Identifier: Apache-2.0
//
// Automatic certificates of an app (the Platform API's ACM).
#include "api/handlers.hpp"

namespace berth::api {

namespace {

Answer switched(Call& call, bool on) {
  BERTH_ASSIGN(const platform::App app, call.app());
  if (on && !call.settings().automatic_certificates)
    return invalid_params(
        "this platform asks no authority for certificates. Its operator sets router.https and "
        "acme.directory in berth.yaml");
  BERTH_ASSIGN(const platform::App after,
               call.store().set_automatic_certificates(app.id, on, call.actor()));
  call.control().reconcile(app.id);
  return json_response(call.render().app(after), 200);
}

}  // namespace

Answer enable_acm(Call& call) { return switched(call, true); }
Answer disable_acm(Call& call) { return switched(call, false); }

Answer refresh_acm(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  if (!app.automatic_certificates)
    return invalid_params("the app has no automatic certificates. `berth certs:auto:enable` asks "
                          "for them");
  call.store().forget_certificate_failures(app.id);
  return json_response(call.render().app(app));
}

}  // namespace berth::api
