// SPDX-License-Identifier: Apache-2.0
//
// Which request reaches which handler. The order matters only where a word and a parameter stand at
// the same place: the first that fits is taken.
#include "api/handlers.hpp"
#include "api/route_table.hpp"

namespace berth::api {

namespace {

constexpr Route plain(std::string_view method, std::string_view pattern, PlainHandler handler,
                      std::string_view summary, std::string_view answer,
                      std::string_view takes = {}, int status = 200,
                      Access access = Access::token) {
  return {.method = method,
          .pattern = pattern,
          .handler = handler,
          .summary = summary,
          .answer = answer,
          .takes = takes,
          .status = status,
          .access = access};
}

constexpr Route stream(std::string_view method, std::string_view pattern, StreamHandler handler,
                       std::string_view summary, std::string_view answer,
                       std::string_view takes = {}, int status = 200, Access access = Access::token,
                       Body body = Body::json) {
  return {.method = method,
          .pattern = pattern,
          .handler = handler,
          .summary = summary,
          .answer = answer,
          .takes = takes,
          .status = status,
          .access = access,
          .body = body};
}

constexpr Route routes[] = {
    plain("GET", "/account", get_account, "Who the token belongs to", "Account"),
    plain("GET", "/users/~", get_account, "Who the token belongs to", "Account"),
    plain("GET", "/users/~/apps", list_apps, "All apps", "[App]"),

    plain("POST", "/oauth/authorizations", create_authorization, "Issues a token; shown once",
          "Authorization", "NewAuthorization", 201),
    plain("GET", "/oauth/authorizations", list_authorizations, "All tokens, without their secrets",
          "[Authorization]"),
    plain("DELETE", "/oauth/authorizations/{authorization}", delete_authorization,
          "Revokes a token", "Authorization"),

    plain("POST", "/apps", create_app, "Creates an app", "App", "NewApp", 201),
    plain("GET", "/apps", list_apps, "All apps", "[App]"),
    plain("GET", "/apps/{app}", get_app, "One app", "App"),
    plain("PATCH", "/apps/{app}", update_app, "Renames an app, switches its maintenance mode",
          "App", "AppUpdate"),
    plain("DELETE", "/apps/{app}", delete_app, "Destroys an app and all that belongs to it", "App"),

    plain("GET", "/apps/{app}/previews", list_previews, "The previews of an app", "[App]"),
    plain("DELETE", "/apps/{app}/previews/{preview}", delete_preview,
          "Destroys a preview and what it was pushed to", "App"),

    plain("GET", "/apps/{app}/config-vars", get_config_vars, "The config vars", "ConfigVars"),
    plain("PATCH", "/apps/{app}/config-vars", update_config_vars,
          "Sets config vars, unsets those that are null; makes a release", "ConfigVars",
          "ConfigVarsUpdate"),

    plain("GET", "/apps/{app}/releases", list_releases, "The releases", "[Release]"),
    plain("GET", "/apps/{app}/releases/{release}", get_release, "One release by version or id",
          "Release"),
    plain("POST", "/apps/{app}/releases", create_release,
          "Rolls back: a new release from an old one", "Release", "Rollback", 201),

    plain("POST", "/sources", create_source, "A place to upload an archive to", "Source", {}, 201),
    stream("PUT", "/uploads/{upload}", receive_upload, "Receives an archive", "Empty", {}, 200,
           Access::open, Body::streamed),
    stream("POST", "/apps/{app}/builds", create_build,
           "Deploys an uploaded archive of source, or an image", "Build", "NewBuild", 201),
    stream("POST", "/apps/{app}/actions/upgrade-stack", upgrade_stack,
           "Swaps the base below the image; makes a release unless it is the newest already",
           "Release"),
    stream("GET", "/images", list_images, "The images that were imported", "[Image]"),
    stream("POST", "/images", import_image, "Imports an uploaded image", "Image", "NewImage", 201),
    stream("DELETE", "/images/{image}", remove_image, "Forgets an imported image", "Image"),

    plain("GET", "/apps/{app}/builds", list_builds, "The builds", "[Build]"),
    plain("GET", "/apps/{app}/builds/{build}", get_build, "One build", "Build"),
    stream("GET", "/apps/{app}/builds/{build}/output", stream_build_output,
           "The log of a build while it grows, until the build ends", "text", {}, 200,
           Access::token_or_key),

    plain("POST", "/apps/{app}/builds/{build}/actions/cancel", cancel_build,
          "Ends a build that waits or runs", "Build", {}, 202),

    plain("GET", "/apps/{app}/formation", list_formation, "Process types and their scale",
          "[Formation]"),
    plain("PATCH", "/apps/{app}/formation", update_formation, "Scales several process types",
          "[Formation]", "FormationBatch"),
    plain("GET", "/apps/{app}/formation/{type}", get_formation, "One process type", "Formation"),
    plain("PATCH", "/apps/{app}/formation/{type}", update_formation_type, "Scales one process type",
          "Formation", "FormationUpdate"),

    plain("GET", "/apps/{app}/dynos", list_dynos, "The replicas", "[Dyno]"),
    stream("POST", "/apps/{app}/dynos", run_dyno, "Starts a one-off replica", "Dyno", "NewDyno",
           201),
    stream("DELETE", "/apps/{app}/dynos", restart_all, "Restarts all replicas", "Empty", {}, 202),
    plain("GET", "/apps/{app}/dynos/{dyno}", get_dyno, "One replica", "Dyno"),
    stream("DELETE", "/apps/{app}/dynos/{dyno}", restart_dyno,
           "Restarts a replica, or all of a type", "Empty", {}, 202),
    stream("DELETE", "/apps/{app}/formations/{type}", restart_type,
           "Restarts all replicas of a type", "Empty", {}, 202),
    stream("POST", "/apps/{app}/dynos/{dyno}/actions/exec", exec_dyno,
           "Runs a command in a replica that runs; attach_url leads to it", "Dyno", "NewExec", 201),
    stream("POST", "/apps/{app}/dynos/{dyno}/actions/stop", stop_dyno, "Stops a replica", "Empty",
           {}, 202),

    plain("GET", "/apps/{app}/health-checks", list_health_checks,
          "The health checks of the release, and what they came to in each replica",
          "[HealthCheck]"),

    plain("GET", "/apps/{app}/cron-jobs", list_cron_jobs, "The cron jobs of the release",
          "[CronJob]"),
    plain("GET", "/apps/{app}/cron-jobs/{job}", get_cron_job, "One cron job", "CronJob"),
    plain("PATCH", "/apps/{app}/cron-jobs/{job}", update_cron_job,
          "Suspends a cron job, or resumes it", "CronJob", "CronJobUpdate"),
    plain("POST", "/apps/{app}/cron-jobs/{job}/actions/run", run_cron_job,
          "Runs a cron job now", "CronRun", {}, 201),
    plain("GET", "/apps/{app}/cron-jobs/{job}/runs", list_runs_of_cron_job,
          "The last runs of a cron job", "[CronRun]"),
    plain("GET", "/apps/{app}/cron-runs", list_cron_runs, "The last runs of cron jobs",
          "[CronRun]"),

    plain("GET", "/apps/{app}/domains", list_domains, "The host names", "[Domain]"),
    plain("POST", "/apps/{app}/domains", create_domain, "Adds a host name", "Domain", "NewDomain",
          201),
    plain("GET", "/apps/{app}/domains/{domain}", get_domain, "One host name", "Domain"),
    plain("DELETE", "/apps/{app}/domains/{domain}", delete_domain, "Removes a host name", "Domain"),

    plain("GET", "/apps/{app}/sni-endpoints", list_certificates,
          "The certificates of its own domains", "[SniEndpoint]"),
    plain("POST", "/apps/{app}/sni-endpoints", create_certificate,
          "Adds a certificate, for the domains named or for all that it covers", "SniEndpoint",
          "NewSniEndpoint", 201),
    plain("GET", "/apps/{app}/sni-endpoints/{certificate}", get_certificate,
          "One certificate, by its id or a domain", "SniEndpoint"),
    plain("PATCH", "/apps/{app}/sni-endpoints/{certificate}", update_certificate,
          "Renews a certificate", "SniEndpoint", "SniEndpointUpdate"),
    plain("DELETE", "/apps/{app}/sni-endpoints/{certificate}", delete_certificate,
          "Removes a certificate", "SniEndpoint"),
    plain("POST", "/apps/{app}/acm", enable_acm,
          "Asks the platform's authority for certificates of its domains", "App"),
    plain("PATCH", "/apps/{app}/acm", refresh_acm, "Tries again at once where that failed", "App"),
    plain("DELETE", "/apps/{app}/acm", disable_acm, "Ends that, and removes those certificates",
          "App"),
    plain("GET", "/apps/{app}/https", get_https, "Redirect to HTTPS, and HSTS", "Https"),
    plain("PATCH", "/apps/{app}/https", update_https, "Changes redirect and HSTS", "Https",
          "HttpsUpdate"),
    plain("GET", "/apps/{app}/routing", get_routing, "How the router treats its requests",
          "Routing"),
    plain("PATCH", "/apps/{app}/routing", update_routing, "Changes that, at once", "Routing",
          "RoutingUpdate"),
    plain("PUT", "/apps/{app}/routing/users/{user}", put_routing_user,
          "Lets a user in by password, and nobody without one", "Routing", "RoutingUser"),
    plain("DELETE", "/apps/{app}/routing/users/{user}", delete_routing_user,
          "Lets a user in no more", "Routing"),
    plain("GET", "/apps/{app}/routing/pages/{page}", get_routing_page,
          "The page shown for errors, or for maintenance", "RoutingPage"),
    plain("PUT", "/apps/{app}/routing/pages/{page}", put_routing_page, "Changes that page",
          "Routing", "NewRoutingPage"),
    plain("DELETE", "/apps/{app}/routing/pages/{page}", delete_routing_page,
          "Returns to the router's own page", "Routing"),
    plain("GET", "/apps/{app}/network", get_network, "Where its replicas may connect to",
          "Network"),
    plain("PATCH", "/apps/{app}/network", update_network, "Changes that, at once", "Network",
          "NetworkUpdate"),
    plain("GET", "/development-authority", get_development_authority,
          "The certificate of the authority that signs for names without one of their own",
          "DevelopmentAuthority"),

    plain("GET", "/apps/{app}/buildpack-installations", list_buildpacks,
          "The buildpacks that the app's owner chose", "[BuildpackInstallation]"),
    plain("PUT", "/apps/{app}/buildpack-installations", update_buildpacks,
          "Chooses buildpacks; none: the language is detected", "[BuildpackInstallation]",
          "BuildpackUpdates"),

    plain("POST", "/apps/{app}/log-sessions", create_log_session, "A URL to read the log by",
          "LogSession", "NewLogSession", 201),
    stream("GET", "/logs/{secret}", stream_logs, "The log as server-sent events", "events", {}, 200,
           Access::open),
    stream("GET", "/attach/{secret}", attach, "The terminal of a one-off replica, as a WebSocket",
           "websocket", {}, 101, Access::open),

    plain("GET", "/apps/{app}/traffic", get_traffic, "The last seconds' requests", "[Traffic]"),
    plain("GET", "/apps/{app}/events", list_app_events, "The audit log of an app", "[Event]"),
    plain("GET", "/events", list_events, "The audit log", "[Event]"),
    stream("GET", "/stream", stream_notices, "Live notices as server-sent events", "events"),

    plain("GET", "/status", get_status, "The state of the platform", "Status"),
    stream("GET", "/disk-usage", get_disk_usage, "What takes the platform's disk", "DiskUsage"),
    stream("POST", "/disk-usage/actions/prune", prune_disk,
           "Removes what nothing needs, or tells what would be removed", "Prune", "NewPrune"),
    plain("GET", "/regions", list_regions, "The one region", "[Region]"),
    plain("GET", "/stacks", list_stacks, "The one stack", "[Stack]"),
    plain("GET", "/schema", get_schema, "This document", "OpenApi", {}, 200, Access::open),
    plain("GET", "/health", get_health, "Answers while the server works", "Health", {}, 200,
          Access::open),
    plain("GET", "/metrics", get_metrics, "Prometheus metrics, only at the server's own address",
          "text", {}, 200, Access::open),

    plain("POST", "/dashboard/session", create_session, "Signs in: a token for a session cookie",
          "Session", "NewSession", 201, Access::open),
    plain("DELETE", "/dashboard/session", delete_session, "Signs out", "Empty"),

    stream("GET", "/{app}.git/info/refs", git_advertise, "git smart HTTP: the refs", "git"),
    stream("POST", "/{app}.git/git-receive-pack", git_receive_pack, "git smart HTTP: push", "git",
           {}, 200, Access::token, Body::streamed),
    stream("POST", "/{app}.git/git-upload-pack", git_upload_pack, "git smart HTTP: fetch", "git",
           {}, 200, Access::token, Body::streamed),
};

}  // namespace

std::span<const Route> all_routes() { return routes; }

}  // namespace berth::api
