// SPDX-License-Identifier: Apache-2.0
//
// Certificates: what the router shows for the app's own domains by HTTPS.
#include "base/file.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

constexpr std::size_t max_file = 256 << 10;

std::string names_in(const json::object& object, std::string_view key) {
  std::string text;
  if (const auto* names = optional_array(object, key))
    for (const json::value& name : *names)
      if (name.is_string())
        text += (text.empty() ? "" : ", ") + printable(std::string(name.get_string()));
  return text;
}

json::object facts_of(const json::object& certificate) {
  const auto* facts = optional_object(certificate, "ssl_cert");
  return facts ? *facts : json::object{};
}

std::string day(const json::object& object, std::string_view key) {
  return field(object, key).substr(0, 10);
}

Outcome<int> list(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::array certificates, target.api.list(target.path({"sni-endpoints"})));
  if (arguments.has("json")) {
    session.print_json(certificates);
    return 0;
  }
  if (certificates.empty()) {
    session.note(target.app + " has no certificates of its own.\n→ Try: berth certs:add "
                 "www.example.com --cert FILE --key FILE");
    return 0;
  }
  Table table({"DOMAINS", "NAMES", "ISSUER", "EXPIRES"});
  for (const auto& value : certificates) {
    const json::object certificate = object_or_empty(value);
    const json::object facts = facts_of(certificate);
    const auto ends = parse_rfc3339(field(facts, "expires_at"));
    const bool late = ends.has_value() && *ends < session.now() + 14 * 24h;
    table.add({Cell(names_in(certificate, "domains"), Colour::cyan),
               names_in(facts, "cert_domains"), printable(field(facts, "issuer")),
               late ? Cell(day(facts, "expires_at"), Colour::red)
                    : Cell(day(facts, "expires_at"))});
  }
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<std::string> content_of(const Arguments& arguments, std::string_view flag,
                                std::string_view what) {
  const auto path = arguments.text(flag);
  if (!path)
    return usage_failure("Give the file of the " + std::string(what) + " with --" +
                             std::string(flag) + ".",
                         "berth certs:add --help");
  const auto content = read_file(*path, max_file);
  if (content.has_error())
    return failed("The " + std::string(what) + " cannot be read: " + content.error().message + ".");
  return *content;
}

Outcome<int> add(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const std::string chain, content_of(arguments, "cert", "certificate"));
  BERTH_ASSIGN(const std::string key, content_of(arguments, "key", "private key"));
  json::object body{{"certificate_chain", chain}, {"private_key", key}};
  if (const auto domain = arguments.text("domain")) body["domains"] = json::array{*domain};
  BERTH_ASSIGN(const json::value made,
               target.api.send("POST", target.path({"sni-endpoints"}), body));
  if (arguments.has("json")) {
    session.print_json(made);
    return 0;
  }
  const json::object certificate = object_or_empty(made);
  const json::object facts = facts_of(certificate);
  session.print("Added a certificate for " + names_in(certificate, "domains") + ", valid until " +
                day(facts, "expires_at") + "\n");
  if (facts.contains("self_signed?") && facts.at("self_signed?") == json::value(true))
    session.note("It is self-signed: browsers warn of it unless they are told to trust it.");
  return 0;
}

Outcome<int> remove(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const std::string domain = *arguments.text("domain");
  BERTH_ASSIGN(const json::value gone,
               target.api.send("DELETE", target.path({"sni-endpoints", domain}), nullptr));
  if (arguments.has("json"))
    session.print_json(gone);
  else
    session.print("Removed the certificate for " +
                  names_in(object_or_empty(gone), "domains") + "\n");
  return 0;
}

Outcome<int> show_automatic(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object app, target.api.get_object(target.path()));
  BERTH_ASSIGN(const json::array domains, target.api.list(target.path({"domains"})));
  if (arguments.has("json")) {
    session.print_json(domains);
    return 0;
  }
  if (!optional_bool(app, "acm").value_or(false)) {
    session.note("Automatic certificates are off.\n→ Try: berth certs:auto:enable");
    return 0;
  }
  Table table({"DOMAIN", "STATUS", "REASON"});
  for (const auto& value : domains) {
    const json::object domain = object_or_empty(value);
    if (field(domain, "kind") != "custom") continue;
    const std::string status = field(domain, "acm_status");
    table.add({Cell(field(domain, "hostname"), Colour::cyan),
               status.empty() ? "own certificate" : status,
               printable(field(domain, "acm_status_reason"))});
  }
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<int> automatic(Session& session, const Arguments& arguments, const std::string& method,
                       std::string_view done, std::string_view next = {}) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value app, target.api.send(method, target.path({"acm"}),
                                                      method == "DELETE"
                                                          ? json::value(nullptr)
                                                          : json::value(json::object{})));
  if (arguments.has("json")) {
    session.print_json(app);
    return 0;
  }
  session.print(std::string(done) + "\n");
  if (!next.empty()) session.note(next);
  return 0;
}

Outcome<int> enable(Session& session, const Arguments& arguments) {
  return automatic(session, arguments, "POST",
                   "The app's domains get certificates, which are renewed in time",
                   "→ Next: berth certs:auto");
}

Outcome<int> disable(Session& session, const Arguments& arguments) {
  return automatic(session, arguments, "DELETE", "Automatic certificates are off, and removed");
}

Outcome<int> refresh(Session& session, const Arguments& arguments) {
  return automatic(session, arguments, "PATCH", "It is tried again now",
                   "→ Next: berth certs:auto");
}

Outcome<int> development_authority(Session& session, const Arguments&) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  BERTH_ASSIGN(const json::object authority, api.get_object("/development-authority"));
  session.print(field(authority, "certificate"));
  return 0;
}

}  // namespace

std::vector<Command> certificate_commands() {
  return {
      {.name = "certs",
       .group = "Domains",
       .summary = "List the certificates of the app's domains",
       .example = "berth certs",
       .for_app = true,
       .json = true,
       .run = list},
      {.name = "certs:add",
       .group = "Domains",
       .summary = "Serve domains by HTTPS with a certificate of yours",
       .example = "berth certs:add www.example.com --cert chain.pem --key key.pem",
       .arguments = {{.name = "DOMAIN",
                      .help = "One of berth domains; without it, all that the certificate covers"}},
       .flags = {{.name = "--cert",
                  .value = "FILE",
                  .help = "The certificate in PEM, and behind it those that sign it"},
                 {.name = "--key", .value = "FILE", .help = "Its private key in PEM"}},
       .for_app = true,
       .json = true,
       .details = "A certificate for a domain that has one replaces it at once; no connection is "
                  "dropped.",
       .aliases = {"certs:update"},
       .run = add},
      {.name = "certs:remove",
       .group = "Domains",
       .summary = "Remove a certificate",
       .example = "berth certs:remove www.example.com",
       .arguments = {{.name = "DOMAIN", .help = "One that it serves", .required = true}},
       .for_app = true,
       .json = true,
       .run = remove},
      {.name = "certs:auto",
       .group = "Domains",
       .summary = "Show how the domains fare that get certificates automatically",
       .example = "berth certs:auto",
       .for_app = true,
       .json = true,
       .run = show_automatic},
      {.name = "certs:auto:enable",
       .group = "Domains",
       .summary = "Get certificates for the app's domains, and renew them",
       .example = "berth certs:auto:enable",
       .for_app = true,
       .json = true,
       .details = "The domains must lead to this platform, unless it proves them by DNS. A domain "
                  "with a certificate of yours keeps it.",
       .run = enable},
      {.name = "certs:auto:disable",
       .group = "Domains",
       .summary = "Remove such certificates and get no more",
       .example = "berth certs:auto:disable",
       .for_app = true,
       .json = true,
       .run = disable},
      {.name = "certs:auto:refresh",
       .group = "Domains",
       .summary = "Try again now where getting one failed",
       .example = "berth certs:auto:refresh",
       .for_app = true,
       .json = true,
       .run = refresh},
      {.name = "certs:dev-ca",
       .group = "Domains",
       .summary = "Print the certificate of the development authority",
       .example = "berth certs:dev-ca > berth-ca.pem",
       .details = "It signs for the platform's own names, such as hello.localhost, while the "
                  "platform has no other certificate for them, and for no others. Let a browser or "
                  "curl (--cacert) trust it to use them by https.",
       .run = development_authority},
  };
}

}  // namespace berth::cli
