// SPDX-License-Identifier: Apache-2.0
//
// Certificates for the app's own domains (the Platform API's SNI endpoints). A private key goes in
// and never comes out.
#include "api/handlers.hpp"
#include "api/range.hpp"

namespace berth::api {

namespace {

Outcome<CertificatePem> pem_of(const json::object& body) {
  CertificatePem pem;
  BERTH_ASSIGN(pem.chain, require_string(body, "certificate_chain"));
  BERTH_ASSIGN(pem.key, require_string(body, "private_key"));
  return pem;
}

Outcome<std::vector<std::string>> domains_of(const json::object& body) {
  std::vector<std::string> domains;
  const json::array* list = optional_array(body, "domains");
  if (!list) return domains;
  for (const json::value& domain : *list) {
    if (!domain.is_string()) return invalid_params("domains must be host names");
    domains.push_back(lower_case(domain.get_string()));
  }
  return domains;
}

Outcome<platform::Certificate> named(Call& call, const platform::App& app) {
  return or_missing(call.store().find_certificate(app.id, lower_case(call.param("certificate"))),
                    "sni_endpoint");
}

}  // namespace

Answer list_certificates(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  std::vector<ListItem> items;
  for (const platform::Certificate& certificate : call.store().certificates(app.id)) {
    const json::object shape = call.render().certificate(certificate);
    items.push_back({{std::string(shape.at("name").get_string()), certificate.id.value},
                     [shape] { return shape; }});
  }
  return list_response(call.request, {"name", "id"}, std::move(items));
}

Answer create_certificate(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const CertificatePem pem, pem_of(call.body));
  BERTH_ASSIGN(const std::vector<std::string> domains, domains_of(call.body));
  BERTH_ASSIGN(const platform::Certificate certificate,
               call.store().add_certificate(app.id, pem, domains, call.actor()));
  call.control().reconcile(app.id);
  return json_response(call.render().certificate(certificate), 201);
}

Answer get_certificate(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::Certificate certificate, named(call, app));
  return json_response(call.render().certificate(certificate));
}

Answer update_certificate(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const CertificatePem pem, pem_of(call.body));
  BERTH_ASSIGN(const platform::Certificate before, named(call, app));
  BERTH_ASSIGN(const platform::Certificate certificate,
               call.store().update_certificate(before.id, pem, call.actor()));
  call.control().reconcile(app.id);
  return json_response(call.render().certificate(certificate));
}

Answer delete_certificate(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::Certificate before, named(call, app));
  const json::object shape = call.render().certificate(before);
  BERTH_TRY(call.store().remove_certificate(app.id, before.id.value, call.actor()));
  call.control().reconcile(app.id);
  return json_response(shape);
}

Answer get_development_authority(Call& call) {
  BERTH_ASSIGN(const std::string certificate,
               or_missing(call.control().development_authority(), "development_authority"));
  return json_response(json::object{{"domain", call.settings().domain},
                                    {"certificate", certificate}});
}

}  // namespace berth::api
