// SPDX-License-Identifier: Apache-2.0
//
// The account, the platform's state, and the documents about the API itself.
#include <algorithm>

#include "api/handlers.hpp"

namespace berth::api {

namespace {

bool is_own_address(std::string_view host) {
  const std::string name = host_without_port(host);
  return name == "localhost" || name.starts_with('[') ||
         (!name.empty() &&
          std::ranges::all_of(name, [](char c) { return c == '.' || (c >= '0' && c <= '9'); }));
}

std::string_view text_of(platform::BuildStatus status) {
  switch (status) {
    case platform::BuildStatus::pending: return "pending";
    case platform::BuildStatus::succeeded: return "succeeded";
    case platform::BuildStatus::failed: break;
  }
  return "failed";
}

}  // namespace

Answer get_account(Call& call) {
  return json_response(call.render().account(call.identity.token.user));
}

Answer list_regions(Call& call) { return json_response(json::array{call.render().region()}); }

Answer list_stacks(Call& call) { return json_response(json::array{call.render().stack()}); }

Answer get_status(Call& call) {
  json::object status{{"version", call.settings().version},
                      {"domain", call.settings().domain},
                      {"api_url", call.render().api_url()},
                      {"dashboard_url", call.render().dashboard_url()}};
  for (const auto& [key, value] : call.control().status()) status[key] = value;
  return json_response(status);
}

Task<Answer> get_disk_usage(Call call, Exchange*) {
  const json::object usage = co_await call.control().disk_usage();
  co_return json_response(usage);
}

Task<Answer> prune_disk(Call call, Exchange*) {
  const bool dry_run = optional_bool(call.body, "dry_run").value_or(false);
  const json::object done = co_await call.control().prune(dry_run);
  co_return json_response(done);
}

Answer get_health(Call&) {
  Response response = json_response({{"status", "ok"}});
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Answer get_schema(Call& call) { return json_response(call.context->schema); }

Answer get_metrics(Call& call) {
  // The router adds X-Forwarded-For: who comes through it is outside.
  const Request& request = call.request;
  if (!is_own_address(request.header("host")) || !request.header("x-forwarded-for").empty())
    return Problem(
        403, "forbidden",
        "/metrics is served only at the server's own address, " + call.settings().listen);
  std::map<std::string, double> builds{{"pending", 0}, {"succeeded", 0}, {"failed", 0}};
  std::map<std::string, double> replicas;
  std::map<std::string, double> certificates;
  double releases = 0;
  const auto apps = call.store().apps();
  for (const platform::App& app : apps) {
    if (const auto target = call.store().target_release(app.id)) releases += target->version;
    for (const platform::Build& build : call.store().builds(app.id))
      builds[std::string(text_of(build.status))] += 1;
    for (const ReplicaView& replica : call.control().replicas(app.id)) replicas[replica.state] += 1;
    for (const platform::Certificate& certificate : call.store().certificates(app.id))
      for (const std::string& domain : certificate.domains)
        certificates[domain] =
            std::chrono::duration<double>(certificate.ends_at - now()).count();
  }
  Metrics& metrics = call.context->metrics;
  metrics.set_state("berth_apps", "Apps", "", {{"", static_cast<double>(apps.size())}});
  metrics.set_state("berth_releases", "Releases of the apps that there are", "", {{"", releases}});
  metrics.set_state("berth_builds", "Builds of the apps that there are, by status", "status",
                    builds);
  metrics.set_state("berth_replicas", "Replicas by state", "state", replicas);
  metrics.set_state("berth_certificate_remaining_seconds",
                    "Until the certificate of a domain expires; 0 once it is gone", "domain",
                    certificates);
  Response response = text_response(metrics.text());
  response.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
  return response;
}

}  // namespace berth::api
