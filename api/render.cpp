// SPDX-License-Identifier: Apache-2.0
#include "api/render.hpp"

#include <algorithm>

#include "base/crypto.hpp"
#include "platform/size.hpp"

namespace berth::api {

using platform::BuildStatus;
using platform::ReleaseStatus;

namespace {

json::value text_or_null(std::string_view text) {
  if (text.empty()) return nullptr;
  return json::value(json::string(text.data(), text.size()));
}

json::value time_or_null(std::optional<Time> time) {
  return time ? json::value(rfc3339(*time)) : json::value(nullptr);
}

json::object user_reference(std::string_view user) {
  return {{"id", derived_uuid("user", user)}, {"email", std::string(user)}};
}

json::object reference(std::string_view kind, std::string_view name) {
  return {{"id", derived_uuid(kind, name)}, {"name", std::string(name)}};
}

std::string_view text_of(BuildStatus status) {
  return status == BuildStatus::pending  ? "pending"
         : status == BuildStatus::failed ? "failed"
                                         : "succeeded";
}

std::string_view text_of(ReleaseStatus status) {
  return status == ReleaseStatus::pending  ? "pending"
         : status == ReleaseStatus::failed ? "failed"
                                           : "succeeded";
}

/// What serves a domain by HTTPS.
json::object shown_certificate(std::string_view kind, const std::string& issuer, Time ends_at) {
  return {{"kind", kind}, {"issuer", issuer}, {"expires_at", rfc3339(ends_at)}};
}

}  // namespace

std::string derived_uuid(std::string_view kind, std::string_view name) {
  std::string hex = sha256_hex(std::string(kind) + "\n" + std::string(name)).substr(0, 32);
  hex[12] = '8';  // RFC 9562: a custom UUID
  hex[16] = 'a';
  for (const std::size_t dash : {20, 16, 12, 8}) hex.insert(dash, 1, '-');
  return hex;
}

std::string formation_id(const platform::Formation& formation) {
  return derived_uuid("formation", formation.app.value + "/" + formation.type);
}

Renderer::Renderer(platform::Store& store, Control& control, const Settings& settings,
                   std::string key_secret)
    : store_(store), control_(control), settings_(settings), key_secret_(std::move(key_secret)) {}

std::string Renderer::url_of(std::string_view host) const {
  return platform::own_url(std::string(host), settings_.router);
}

std::string Renderer::api_url() const { return url_of("api." + settings_.domain); }

std::string Renderer::dashboard_url() const { return url_of("dashboard." + settings_.domain); }

std::string Renderer::web_url(const platform::App& app) const {
  return platform::web_url(app, settings_.domain, settings_.router) + "/";
}

std::string Renderer::git_url(const platform::App& app) const {
  return url_of("git." + settings_.domain) + "/" + app.name + ".git";
}

std::string Renderer::build_key(const platform::BuildId& build) const {
  return sha256_hex(key_secret_ + "\nbuild output\n" + build.value).substr(0, 40);
}

json::object Renderer::app_reference(const platform::AppId& app) const {
  const auto found = store_.find_app(app.value);
  return {{"id", app.value},
          {"name", found.has_error() ? json::value(nullptr) : json::value(found->name)}};
}

json::value Renderer::slug_of(std::string_view image) const {
  if (image.empty()) return nullptr;
  return json::object{{"id", derived_uuid("slug", image)}};
}

json::object Renderer::stack_reference() const { return reference("stack", settings_.stack); }

json::object Renderer::stack() const {
  return {{"id", derived_uuid("stack", settings_.stack)},
          {"name", settings_.stack},
          {"default", true},
          {"state", "public"},
          {"created_at", "2026-01-01T00:00:00Z"},
          {"updated_at", "2026-01-01T00:00:00Z"}};
}

json::object Renderer::region() const {
  return {{"id", derived_uuid("region", settings_.region)},
          {"name", settings_.region},
          {"description", "This machine"},
          {"country", ""},
          {"locale", ""},
          {"private_capable", false},
          {"provider", {{"name", "berth"}, {"region", settings_.region}}},
          {"created_at", "2026-01-01T00:00:00Z"},
          {"updated_at", "2026-01-01T00:00:00Z"}};
}

json::object Renderer::account(std::string_view user) const {
  return {{"id", derived_uuid("user", user)},
          {"email", std::string(user)},
          {"name", std::string(user)},
          {"allow_tracking", false},
          {"beta", false},
          {"verified", true},
          {"federated", false},
          {"two_factor_authentication", false},
          {"sms_number", nullptr},
          {"suspended_at", nullptr},
          {"delinquent_at", nullptr},
          {"default_organization", nullptr},
          {"default_team", nullptr},
          {"identity_provider", nullptr},
          {"last_login", nullptr},
          {"created_at", "2026-01-01T00:00:00Z"},
          {"updated_at", "2026-01-01T00:00:00Z"}};
}

std::string Renderer::app_state(const platform::App& app) const {
  const auto target = store_.target_release(app.id);
  if (app.maintenance) return "maintenance";
  if (!target || target->image.empty()) return "empty";
  if (target->status == ReleaseStatus::pending && !target->is_canary()) return "deploying";
  const auto formation = store_.formation(app.id);
  const auto web = std::ranges::find(formation, "web", &platform::Formation::type);
  const bool any =
      std::ranges::any_of(formation, [](const auto& entry) { return entry.quantity > 0; });
  if (web != formation.end() && web->quantity == 0 && web->autoscale) return "asleep";
  if (!any) return "stopped";
  const auto replicas = control_.replicas(app.id);
  const auto in = [&](std::string_view state) {
    return std::ranges::any_of(replicas, [&](const ReplicaView& view) {
      return view.type != "run" && view.state == state;
    });
  };
  return in("crashed") && !in("up") ? "crashed" : "running";
}

json::object Renderer::app(const platform::App& app) const {
  json::object replicas;
  const auto views = control_.replicas(app.id);
  for (const platform::Formation& entry : store_.formation(app.id)) {
    const auto ready = std::ranges::count_if(views, [&](const ReplicaView& view) {
      return view.type == entry.type && view.state == "up";
    });
    replicas[entry.type] = {{"ready", ready}, {"desired", entry.quantity}};
  }
  const auto serving = store_.serving_release(app.id);
  return {{"id", app.id.value},
          {"name", app.name},
          {"web_url", web_url(app)},
          {"git_url", git_url(app)},
          {"maintenance", app.maintenance},
          {"created_at", rfc3339(app.created_at)},
          {"updated_at", rfc3339(app.updated_at)},
          {"released_at", app.released_at ? json::value(rfc3339(*app.released_at)) : nullptr},
          {"archived_at", nullptr},
          {"acm", app.automatic_certificates},
          {"buildpack_provided_description", nullptr},
          {"build_stack", stack_reference()},
          {"stack", stack_reference()},
          {"generation", {{"id", derived_uuid("generation", "cedar")}, {"name", "cedar"}}},
          {"owner", user_reference(settings_.owner)},
          {"region", reference("region", settings_.region)},
          {"space", nullptr},
          {"team", nullptr},
          {"organization", nullptr},
          {"internal_routing", nullptr},
          {"repo_size", nullptr},
          {"slug_size", nullptr},
          {"state", app_state(app)},
          {"release", serving ? json::value(serving->version) : nullptr},
          {"replicas", std::move(replicas)},
          {"preview", preview_of(app)}};
}

json::value Renderer::preview_of(const platform::App& app) const {
  if (!app.preview) return nullptr;
  return json::object{{"name", app.preview->name},
                      {"app", app_reference(app.preview->parent)},
                      {"expires_at", time_or_null(app.preview->expires_at)}};
}

json::object Renderer::build(const platform::Build& build, std::string_view base_url,
                             const std::vector<platform::Release>* releases) const {
  json::value release = nullptr;
  if (build.status == BuildStatus::succeeded) {
    const auto of_app = releases ? std::vector<platform::Release>() : store_.releases(build.app);
    // Newest first: the first release of a build is the one that stays.
    for (const platform::Release& entry : releases ? *releases : of_app)
      if (entry.build == build.id) release = json::object{{"id", entry.id.value}};
  }
  const std::string base = base_url.empty() ? api_url() : std::string(base_url);
  return {{"id", build.id.value},
          {"app", {{"id", build.app.value}}},
          {"status", text_of(build.status)},
          {"source_blob",
           {{"url", nullptr},
            {"version", text_or_null(build.commit)},
            {"version_description", nullptr},
            {"checksum", nullptr}}},
          {"output_stream_url", base + "/apps/" + build.app.value + "/builds/" + build.id.value +
                                    "/output?key=" + build_key(build.id)},
          {"release", std::move(release)},
          {"slug", slug_of(build.image)},
          {"stack", settings_.stack},
          {"user", user_reference(build.user)},
          {"buildpacks", nullptr},
          {"created_at", rfc3339(build.created_at)},
          {"updated_at", rfc3339(build.updated_at)},
          {"message", text_or_null(build.failure)},
          {"image", text_or_null(build.image)}};
}

json::object Renderer::release(const platform::Release& release) const {
  json::object processes;
  for (const auto& [type, command] : release.processes) processes[type] = command;
  const auto serving = store_.serving_release(release.app);
  return {{"id", release.id.value},
          {"version", release.version},
          {"app", app_reference(release.app)},
          {"description", release.description},
          {"status", text_of(release.status)},
          {"current", serving && serving->id == release.id},
          {"user", user_reference(release.user)},
          {"slug", slug_of(release.image)},
          {"addon_plan_names", json::array{}},
          {"eligible_for_rollback",
           release.status == ReleaseStatus::succeeded && !release.image.empty()},
          {"output_stream_url", nullptr},
          {"created_at", rfc3339(release.created_at)},
          {"updated_at", rfc3339(release.updated_at)},
          {"commit", text_or_null(release.commit)},
          {"image", text_or_null(release.image)},
          {"processes", std::move(processes)},
          {"message", text_or_null(release.failure)},
          {"canary", release.is_canary() ? json::value(release.canary) : json::value()}};
}

json::object Renderer::formation(const platform::Formation& formation) const {
  std::string command;
  if (const auto target = store_.target_release(formation.app)) {
    const auto found = target->processes.find(formation.type);
    if (found != target->processes.end()) command = found->second;
  }
  json::value autoscaling = nullptr;
  if (formation.autoscale)
    autoscaling = {{"min", formation.autoscale->min},
                   {"max", formation.autoscale->max},
                   {"rps", formation.autoscale->requests_per_second}};
  const platform::SizeClass size = platform::size_of(formation.size, settings_.sizes).limits;
  const std::string at = rfc3339(formation.updated_at);
  return {{"id", formation_id(formation)},
          {"app", app_reference(formation.app)},
          {"type", formation.type},
          {"command", command},
          {"quantity", formation.quantity},
          {"size", formation.size},
          {"dyno_size", reference("size", formation.size)},
          {"limits",
           {{"memory_bytes", size.memory_bytes},
            {"cpu_milli", size.cpu_milli},
            {"pids", size.pids},
            {"disk_bytes", size.disk_bytes},
            {"disk_rate", size.disk_rate},
            {"network_rate", size.network_rate}}},
          {"created_at", at},
          {"updated_at", at},
          {"autoscaling", std::move(autoscaling)}};
}

json::object Renderer::dyno(const platform::App& app, const ReplicaView& replica) const {
  return {
      {"id", replica.id},
      {"app", {{"id", app.id.value}, {"name", app.name}}},
      {"name", replica.name},
      {"type", replica.type},
      {"command", replica.command},
      {"size", replica.size},
      {"state", replica.state},
      {"release", {{"id", text_or_null(replica.release_id.value)}, {"version", replica.release}}},
      {"attach_url", nullptr},
      {"created_at", rfc3339(replica.created_at)},
      {"updated_at", rfc3339(replica.updated_at)},
      {"message", text_or_null(replica.message)}};
}

json::object Renderer::health_check(const CheckView& check) const {
  const auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
  json::array replicas;
  for (const auto& replica : check.replicas)
    replicas.push_back(json::object{
        {"name", replica.name},
        {"state", replica.state},
        {"failures", replica.failures},
        {"answer", text_or_null(replica.answer)},
        {"answered_at",
         replica.answered_at == Time{} ? json::value(nullptr)
                                       : json::value(rfc3339(replica.answered_at))}});
  return {{"process_type", check.type},
          {"type", platform::name_of(check.rule.type)},
          {"name", check.rule.name},
          {"what", platform::describe(check.rule)},
          {"attempts", check.rule.attempts},
          {"timeout", seconds(check.rule.timeout)},
          {"wait", seconds(check.rule.wait)},
          {"interval", seconds(check.rule.interval)},
          {"initial_delay", seconds(check.rule.initial_delay)},
          {"warn", check.rule.warn},
          {"replicas", std::move(replicas)}};
}

json::object Renderer::cron_job(const CronJobView& view, const platform::CronRun* last) const {
  json::object shape = platform::to_json(view.job);
  shape.erase("suspend");
  shape["suspended"] = view.suspended;
  shape["next_run_at"] = time_or_null(view.next);
  shape["last_run"] = last ? json::value(cron_run(*last)) : json::value(nullptr);
  return shape;
}

json::object Renderer::volume(const VolumeView& view) const {
  const platform::Volume& volume = view.volume;
  json::array mounts;
  for (const platform::VolumeMount& mount : volume.mounts)
    mounts.push_back(json::object{{"process_type", mount.type}, {"path", mount.path}});
  return {{"id", volume.id.value},
          {"name", volume.name},
          {"size", volume.size_bytes},
          {"used", view.used_bytes},
          {"shared", volume.shared},
          {"mounts", std::move(mounts)},
          {"snapshots", view.snapshots},
          {"snapshots_used", view.snapshot_bytes},
          {"restoring", volume.restore ? json::value("s" + std::to_string(volume.restore->from))
                                       : json::value(nullptr)},
          {"created_at", rfc3339(volume.created_at)},
          {"updated_at", rfc3339(volume.updated_at)}};
}

json::object Renderer::snapshot(const platform::VolumeSnapshot& snapshot,
                                std::uint64_t used_bytes) const {
  return {{"name", snapshot.name()},
          {"description", text_or_null(snapshot.description)},
          {"size", snapshot.size_bytes},
          {"used", used_bytes},
          {"created_at", rfc3339(snapshot.created_at)}};
}

json::object Renderer::cron_run(const platform::CronRun& run) const {
  using Seconds = std::chrono::duration<double>;
  return {{"id", run.id},
          {"job", run.job},
          {"status", platform::name_of(run.status)},
          {"scheduled_at", time_or_null(run.scheduled_at)},
          {"user", text_or_null(run.user)},
          {"process", text_or_null(run.process)},
          {"reason", text_or_null(run.reason)},
          {"exit_code", run.exit_code ? json::value(*run.exit_code) : json::value(nullptr)},
          {"seconds", run.ended_at ? json::value(Seconds(*run.ended_at - run.started_at).count())
                                   : json::value(nullptr)},
          {"started_at", rfc3339(run.started_at)},
          {"ended_at", time_or_null(run.ended_at)}};
}

json::object Renderer::domain(const platform::Domain& domain) const {
  json::object app = app_reference(domain.app);
  std::string target;
  if (app["name"].is_string())
    target = std::string(app["name"].get_string()) + "." + settings_.domain;
  const std::string at = rfc3339(domain.created_at);
  json::value endpoint = nullptr;
  json::value shown = nullptr;
  const auto owner = store_.find_app(domain.app.value);
  bool automatic = owner.has_value() && owner->automatic_certificates;
  if (domain.certificate) {
    const auto certificate = store_.find_certificate(domain.app, domain.certificate->value);
    if (certificate.has_value()) {
      endpoint = {{"id", certificate->id.value}, {"name", certificate->domains.front()}};
      shown = shown_certificate(certificate->automatic ? "automatic" : "own", certificate->issuer,
                                certificate->ends_at);
      automatic = automatic && certificate->automatic;
    }
  }
  json::value status = nullptr;
  json::value reason = nullptr;
  if (automatic) {
    status = domain.certificate ? "cert issued" : "pending";
    if (const auto failure = store_.certificate_failure(domain.id)) {
      if (!domain.certificate) status = "failing";
      reason = failure->reason;
    }
  }
  return {{"id", domain.id.value},
          {"app", std::move(app)},
          {"hostname", domain.route()},
          {"path", text_or_null(domain.path)},
          {"kind", "custom"},
          {"cname", text_or_null(target)},
          {"status", "succeeded"},
          {"acm_status", std::move(status)},
          {"acm_status_reason", std::move(reason)},
          {"sni_endpoint", std::move(endpoint)},
          {"certificate", std::move(shown)},
          {"created_at", at},
          {"updated_at", at}};
}

json::object Renderer::certificate(const platform::Certificate& certificate) const {
  json::array domains;
  for (const std::string& hostname : certificate.domains) domains.emplace_back(hostname);
  return {{"id", certificate.id.value},
          {"name", certificate.domains.front()},
          {"display_name", nullptr},
          {"app", app_reference(certificate.app)},
          {"certificate_chain", certificate.chain},
          {"domains", std::move(domains)},
          {"ssl_cert",
           {{"id", certificate.id.value},
            {"cert_domains", json::array(certificate.names.begin(), certificate.names.end())},
            {"subject", certificate.subject},
            {"issuer", certificate.issuer},
            {"self_signed?", certificate.self_signed},
            {"ca_signed?", !certificate.self_signed},
            {"acm", certificate.automatic},
            {"starts_at", rfc3339(certificate.starts_at)},
            {"expires_at", rfc3339(certificate.ends_at)}}},
          {"created_at", rfc3339(certificate.created_at)},
          {"updated_at", rfc3339(certificate.updated_at)}};
}

json::object Renderer::default_domain(const platform::App& app) const {
  json::value shown = nullptr;
  if (const auto known = control_.platform_certificate(app))
    shown = shown_certificate(known->is_development ? "development" : "operator", known->issuer,
                              known->ends_at);
  return {{"id", derived_uuid("domain", app.id.value)},
          {"app", {{"id", app.id.value}, {"name", app.name}}},
          {"hostname", app.name + "." + settings_.domain},
          {"path", nullptr},
          {"kind", "heroku"},
          {"cname", nullptr},
          {"status", "succeeded"},
          {"acm_status", nullptr},
          {"acm_status_reason", nullptr},
          {"sni_endpoint", nullptr},
          {"certificate", std::move(shown)},
          {"created_at", rfc3339(app.created_at)},
          {"updated_at", rfc3339(app.updated_at)}};
}

json::object Renderer::authorization(const platform::Token& token,
                                     const std::string* secret) const {
  json::value expires_in = nullptr;
  if (token.expires_at) {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(*token.expires_at - now());
    expires_in = std::max<std::int64_t>(left.count(), 0);
  }
  const std::string at = rfc3339(token.created_at);
  return {{"id", token.id.value},
          {"description", token.description},
          {"scope", {"global"}},
          {"user", user_reference(token.user)},
          {"access_token",
           {{"id", token.id.value},
            {"token", secret ? json::value(*secret) : nullptr},
            {"expires_in", std::move(expires_in)}}},
          {"client", nullptr},
          {"grant", nullptr},
          {"refresh_token", nullptr},
          {"session", nullptr},
          {"created_at", at},
          {"updated_at", at}};
}

json::object Renderer::event(const platform::Event& event) const {
  json::value app = nullptr;
  if (event.app) {
    const auto found = store_.find_app(event.app->value);
    app = found.has_error() ? event.app->value : found->name;
  }
  return {{"sequence", event.sequence}, {"at", rfc3339(event.at)}, {"app", std::move(app)},
          {"user", event.user},         {"kind", event.kind},      {"message", event.message}};
}

json::object Renderer::traffic(const TrafficSample& sample) const {
  return {{"at", rfc3339(sample.at)},      {"requests", sample.requests},
          {"in_flight", sample.in_flight}, {"held", sample.held},
          {"errors", sample.errors},       {"p50_us", sample.p50_us},
          {"p95_us", sample.p95_us},       {"replicas", sample.replicas}};
}

}  // namespace berth::api
