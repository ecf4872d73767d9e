// SPDX-License-Identifier: Apache-2.0
//
// Replicas, which the Platform API calls dynos: what runs, one-offs, restart and stop.
#include <algorithm>
#include <charconv>

#include "api/handlers.hpp"
#include "api/range.hpp"
#include "platform/size.hpp"

namespace berth::api {

namespace {

constexpr std::size_t longest_command = 32 << 10;

/// COLUMNS and LINES come as strings or numbers.
int dimension(const std::map<std::string, std::string>& env, const std::string& name,
              int otherwise) {
  const auto found = env.find(name);
  if (found == env.end()) return otherwise;
  int number = 0;
  const auto& text = found->second;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc{} && number > 0 && number < 10'000 ? number : otherwise;
}

Outcome<std::map<std::string, std::string>> read_env(const json::object& body) {
  std::map<std::string, std::string> env;
  const auto* object = optional_object(body, "env");
  if (!object) return env;
  for (const auto& [key, value] : *object) {
    const std::string name(key);
    if (value.is_string())
      env[name] = std::string(value.get_string());
    else if (value.is_number())
      env[name] = to_text(value);
    else
      return invalid_params("env." + name.substr(0, 100) + " must be a string");
    BERTH_TRY(platform::check_config_var(name, env[name]));
  }
  return env;
}

Outcome<OneOffRequest> read_request(const Call& call) {
  OneOffRequest request;
  BERTH_ASSIGN(request.command, require_string(call.body, "command"));
  if (request.command.empty()) return invalid_params("the command is empty");
  if (request.command.size() > longest_command)
    return invalid_params("the command is longer than 32 KiB");
  if (request.command.find('\0') != std::string::npos)
    return invalid_params("the command has a NUL byte");
  BERTH_ASSIGN(request.env, read_env(call.body));
  request.size = optional_string(call.body, "size").value_or("");
  if (!request.size.empty()) {
    const auto size = platform::parse_size(request.size, call.settings().sizes);
    if (size.has_error()) return invalid_params(size.error().message);
    request.size = size->name;
  }
  request.attach = optional_bool(call.body, "attach").value_or(false);
  request.terminal = request.attach && !optional_bool(call.body, "force_no_tty").value_or(false);
  request.columns = dimension(request.env, "COLUMNS", 80);
  request.rows = dimension(request.env, "LINES", 24);
  return request;
}

Outcome<ReplicaView> find_replica(const Call& call, const platform::App& app) {
  const std::string& name = call.param("dyno");
  for (const ReplicaView& replica : call.control().replicas(app.id))
    if (replica.name == name || replica.id == name) return replica;
  return not_found("the app has no replica '" + name.substr(0, 80) + "'. `berth ps` lists them",
                   "dyno");
}

/// Names and types that are not there are errors, not silent successes.
Outcome<void> check_target(const Call& call, const platform::App& app, const std::string& which) {
  for (const ReplicaView& replica : call.control().replicas(app.id))
    if (replica.name == which || replica.type == which) return {};
  for (const platform::Formation& entry : call.store().formation(app.id))
    if (entry.type == which) return {};
  return not_found(
      "the app has no replica or process type '" + which.substr(0, 80) + "'. `berth ps` lists them",
      "dyno");
}

Task<Answer> restart(Call call, std::string which) {
  const auto app = call.app();
  if (app.has_error()) co_return app.error();
  if (!which.empty()) {
    const auto checked = check_target(call, *app, which);
    if (checked.has_error()) co_return checked.error();
  }
  const Result<void> done = co_await call.control().restart(app->id, which);
  if (done.has_error()) co_return done.error();
  co_return json_response(json::object{}, 202);
}

}  // namespace

Answer list_dynos(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  std::vector<ListItem> items;
  for (const ReplicaView& replica : call.control().replicas(app.id))
    items.push_back({{replica.name, replica.id, replica.updated_at.time_since_epoch().count()},
                     [&call, &app, replica] { return call.render().dyno(app, replica); }});
  return list_response(call.request, {"name", "id", "updated_at"}, std::move(items));
}

Answer list_health_checks(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  json::array list;
  for (const CheckView& check : call.control().checks(app.id))
    list.push_back(call.render().health_check(check));
  return json_response(list);
}

Answer get_dyno(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const ReplicaView replica, find_replica(call, app));
  return json_response(call.render().dyno(app, replica));
}

Task<Answer> run_dyno(Call call, Exchange*) {
  const auto app = call.app();
  if (app.has_error()) co_return app.error();
  auto request = read_request(call);
  if (request.has_error()) co_return request.error();
  const Result<OneOff> started = co_await call.control().run(app->id, std::move(*request));
  if (started.has_error()) co_return started.error();
  json::object shape = call.render().dyno(*app, started->replica);
  if (!started->attach_secret.empty())
    shape["attach_url"] = "ws" + call.base_url.substr(4) + "/attach/" + started->attach_secret;
  co_return json_response(shape, 201);
}

Task<Answer> restart_all(Call call, Exchange*) {
  Answer answer = co_await restart(std::move(call), "");
  co_return answer;
}

Task<Answer> restart_dyno(Call call, Exchange*) {
  std::string which = call.param("dyno");
  const auto app = call.app();
  if (!app.has_error())
    if (const auto replica = find_replica(call, *app); !replica.has_error()) which = replica->name;
  Answer answer = co_await restart(std::move(call), which);
  co_return answer;
}

Task<Answer> restart_type(Call call, Exchange*) {
  const std::string which = call.param("type");
  Answer answer = co_await restart(std::move(call), which);
  co_return answer;
}

Task<Answer> exec_dyno(Call call, Exchange*) {
  const auto app = call.app();
  if (app.has_error()) co_return app.error();
  const auto replica = find_replica(call, *app);
  if (replica.has_error()) co_return replica.error();
  auto request = read_request(call);
  if (request.has_error()) co_return request.error();
  request->attach = true;
  request->terminal = !optional_bool(call.body, "force_no_tty").value_or(false);
  const auto secret = co_await call.control().exec(app->id, replica->name, std::move(*request));
  if (secret.has_error()) co_return secret.error();
  json::object shape = call.render().dyno(*app, *replica);
  shape["attach_url"] = "ws" + call.base_url.substr(4) + "/attach/" + *secret;
  co_return json_response(shape, 201);
}

Task<Answer> stop_dyno(Call call, Exchange*) {
  const auto app = call.app();
  if (app.has_error()) co_return app.error();
  const auto replica = find_replica(call, *app);
  if (replica.has_error()) co_return replica.error();
  const Result<void> done = co_await call.control().stop(app->id, replica->name);
  if (done.has_error()) co_return done.error();
  co_return json_response(json::object{}, 202);
}

}  // namespace berth::api
