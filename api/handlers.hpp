// SPDX-License-Identifier: Apache-2.0
//
// Every handler, by the file that defines it. routes.cpp says which request reaches which.
#pragma once

#include "api/context.hpp"

namespace berth::api {

// account.cpp
Answer get_account(Call& call);
Answer list_regions(Call& call);
Answer list_stacks(Call& call);
Answer get_status(Call& call);
Task<Answer> get_disk_usage(Call call, Exchange* exchange);
Task<Answer> prune_disk(Call call, Exchange* exchange);
Answer get_health(Call& call);
Answer get_schema(Call& call);
Answer get_metrics(Call& call);

// authorizations.cpp
Answer create_authorization(Call& call);
Answer list_authorizations(Call& call);
Answer delete_authorization(Call& call);
Answer create_session(Call& call);
Answer delete_session(Call& call);

// apps.cpp
Answer create_app(Call& call);
Answer list_apps(Call& call);
Answer get_app(Call& call);
Answer update_app(Call& call);
Answer delete_app(Call& call);
Answer get_config_vars(Call& call);
Answer update_config_vars(Call& call);

// previews.cpp
Answer list_previews(Call& call);
Answer delete_preview(Call& call);

// pipelines.cpp
Answer list_pipelines(Call& call);
Answer create_pipeline(Call& call);
Answer get_pipeline(Call& call);
Answer update_pipeline(Call& call);
Answer delete_pipeline(Call& call);
Answer list_couplings(Call& call);
Answer list_couplings_of_pipeline(Call& call);
Answer get_coupling_of_app(Call& call);
Answer get_coupling(Call& call);
Answer create_coupling(Call& call);
Answer update_coupling(Call& call);
Answer delete_coupling(Call& call);
Answer filter_apps(Call& call);
Answer create_promotion(Call& call);
Answer get_promotion(Call& call);
Answer list_promotion_targets(Call& call);

// releases.cpp
Answer list_releases(Call& call);
Answer get_release(Call& call);
Answer create_release(Call& call);
Answer list_builds(Call& call);
Answer get_build(Call& call);
Answer cancel_build(Call& call);

// sources.cpp
Answer create_source(Call& call);
Task<Answer> receive_upload(Call call, Exchange* exchange);
Task<Answer> create_build(Call call, Exchange* exchange);
Task<Answer> upgrade_stack(Call call, Exchange* exchange);

// images.cpp
Task<Answer> list_images(Call call, Exchange* exchange);
Task<Answer> import_image(Call call, Exchange* exchange);
Task<Answer> remove_image(Call call, Exchange* exchange);

// formation.cpp
Answer list_formation(Call& call);
Answer get_formation(Call& call);
Answer update_formation(Call& call);
Answer update_formation_type(Call& call);

// dynos.cpp
Answer list_dynos(Call& call);
Answer list_health_checks(Call& call);
Answer get_dyno(Call& call);
Task<Answer> run_dyno(Call call, Exchange* exchange);
Task<Answer> restart_all(Call call, Exchange* exchange);
Task<Answer> restart_dyno(Call call, Exchange* exchange);
Task<Answer> restart_type(Call call, Exchange* exchange);
Task<Answer> exec_dyno(Call call, Exchange* exchange);
Task<Answer> stop_dyno(Call call, Exchange* exchange);

// cron.cpp
Answer list_cron_jobs(Call& call);
Answer get_cron_job(Call& call);
Answer update_cron_job(Call& call);
Answer run_cron_job(Call& call);
Answer list_cron_runs(Call& call);
Answer list_runs_of_cron_job(Call& call);

// volumes.cpp
Answer list_volumes(Call& call);
Answer get_volume(Call& call);
Task<Answer> create_volume(Call call, Exchange* exchange);
Task<Answer> update_volume(Call call, Exchange* exchange);
Answer delete_volume(Call& call);
Answer list_snapshots(Call& call);
Task<Answer> create_snapshot(Call call, Exchange* exchange);
Answer delete_snapshot(Call& call);
Task<Answer> restore_volume(Call call, Exchange* exchange);

// buildpacks.cpp
Answer list_buildpacks(Call& call);
Answer update_buildpacks(Call& call);

// domains.cpp
Answer list_domains(Call& call);
Answer create_domain(Call& call);
Answer get_domain(Call& call);
Answer delete_domain(Call& call);

// certificates.cpp
Answer list_certificates(Call& call);
Answer create_certificate(Call& call);
Answer get_certificate(Call& call);
Answer update_certificate(Call& call);
Answer delete_certificate(Call& call);
Answer get_development_authority(Call& call);

// acm.cpp
Answer enable_acm(Call& call);
Answer refresh_acm(Call& call);
Answer disable_acm(Call& call);

// https.cpp
Answer get_https(Call& call);
Answer update_https(Call& call);

// routing.cpp
Answer get_routing(Call& call);
Answer update_routing(Call& call);
Answer put_routing_user(Call& call);
Answer delete_routing_user(Call& call);
Answer get_routing_page(Call& call);
Answer put_routing_page(Call& call);
Answer delete_routing_page(Call& call);

// network.cpp
Answer get_network(Call& call);
Answer update_network(Call& call);

// placement.cpp
Answer get_placement(Call& call);
Answer update_placement(Call& call);
Answer list_pools(Call& call);

// rollout.cpp
Answer get_rollout(Call& call);
Answer update_rollout(Call& call);
Answer get_canary(Call& call);
Answer create_canary(Call& call);
Answer promote_canary(Call& call);
Answer abort_canary(Call& call);

// events.cpp
Answer get_traffic(Call& call);
Answer list_app_events(Call& call);
Answer list_events(Call& call);

// logs.cpp, build_output.cpp, stream.cpp
Answer create_log_session(Call& call);
Task<Answer> stream_logs(Call call, Exchange* exchange);
Task<Answer> stream_build_output(Call call, Exchange* exchange);
Task<Answer> stream_notices(Call call, Exchange* exchange);

// attach.cpp
Task<Answer> attach(Call call, Exchange* exchange);

// git.cpp
Task<Answer> git_advertise(Call call, Exchange* exchange);
Task<Answer> git_receive_pack(Call call, Exchange* exchange);
Task<Answer> git_upload_pack(Call call, Exchange* exchange);

}  // namespace berth::api
