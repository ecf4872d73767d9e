// SPDX-License-Identifier: Apache-2.0
#include "platform/app_json.hpp"

#include <doctest/doctest.h>

namespace berth::platform {
namespace {

using Type = HealthCheck::Type;
using Kind = HealthCheck::Kind;

AppJson good(std::string_view text, std::vector<std::string>* notes = nullptr) {
  std::vector<std::string> ignored;
  const auto parsed = parse_app_json(text, notes ? *notes : ignored);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed.has_error() ? parsed.error().message : ""));
  return *parsed;
}

std::string bad(std::string_view text) {
  std::vector<std::string> notes;
  const auto parsed = parse_app_json(text, notes);
  REQUIRE(parsed.has_error());
  return parsed.error().message;
}

HealthCheck web(std::string_view fields) {
  return good(R"({"healthchecks":{"web":[)" + std::string(fields) + "]}}")
      .health_checks.at("web")
      .at(0);
}

std::string bad_web(std::string_view fields) {
  return bad("{\n \"healthchecks\": {\n  \"web\": [\n   " + std::string(fields) + "\n  ]\n }\n}");
}

TEST_CASE("comments and commas at an end may stand in an app.json, and errors name the line") {
  CHECK(good("{ // a comment, with \"quotes\"\n  \"scripts\": {\n    /* two\n lines, */\n"
             "    \"postdeploy\": \"echo // */ no comment, } \\\" ]\",\n  },\n}\n// end")
            .postdeploy == "echo // */ no comment, } \" ]");
  CHECK(bad("{\n// one\n/* two\n */ \"scripts\": {\"postdeploy\": 7,},}") ==
        "app.json:4: scripts.postdeploy must be a string");
  for (const std::string text : {"{,}", "{\"a\": [,]}", "{\"a\": 1,,}", "{\"a\": 1} / x",
                                 "{ /* }", "{\"a\\"})
    CHECK_MESSAGE(bad(text).starts_with("app.json:1: not valid JSON"), text);
}

TEST_CASE("an app.json of Heroku, with nothing for us in it, says nothing") {
  CHECK(good(R"({"name": "x", "env": {"A": {"generator": "secret"}}, "addons": ["pg"]})") ==
        AppJson{});
  CHECK(app_json_text({}) == "");
}

TEST_CASE("a health check has the field's names and defaults") {
  const HealthCheck check = web(R"({"type": "readiness", "name": "db", "path": "/ready?deep=1",
      "content": "ok", "port": 8080, "attempts": 5, "timeout": 2.5, "wait": 1, "initialDelay": 3,
      "httpHeaders": [{"name": "Host", "value": "example.com"}], "description": "of us all"})");
  CHECK(check.type == Type::readiness);
  CHECK(check.kind == Kind::http);
  CHECK(check.timeout == 2500ms);
  CHECK(check.initial_delay == 3s);
  CHECK(check.headers == std::map<std::string, std::string>{{"Host", "example.com"}});
  CHECK(describe(check) == "GET /ready?deep=1 on port 8080");
  const HealthCheck plain = web(R"({"listening": true})");
  CHECK(plain == HealthCheck{.kind = Kind::tcp, .name = "a connection to its port"});
  CHECK(web(R"({"type": "liveness", "command": ["bin/check", "now"]})").command ==
        std::vector<std::string>{"bin/check", "now"});
  CHECK(web(R"({"uptime": 10})").uptime == 10s);
}

TEST_CASE("what a release keeps of its app.json reads back as it was") {
  const AppJson app = good(R"({"healthchecks": {
      "web": [{"path": "/", "content": "x", "headers": {"A": "b"}, "warn": true, "interval": 60},
              {"type": "readiness", "port": 81}, {"uptime": 1.5}],
      "worker": [{"type": "liveness", "command": "test -e 'ok'", "wait": 0}]}})");
  CHECK(good(app_json_text(app)) == app);
}

TEST_CASE("a value that cannot be meant is refused with line, field and what may be") {
  CHECK(bad_web(R"({"path": "/", "attempts": 0})") ==
        "app.json:4: healthchecks.web[0].attempts must be a whole number from 1 to 1000, not 0");
  CHECK(bad_web("{\"path\": \"/\",\n\"timeout\": \"5\"}") ==
        "app.json:5: healthchecks.web[0].timeout must be a number from 0.01 to 3600, not \"5\"");
  CHECK(bad_web(R"({"type": "ready", "path": "/"})") ==
        "app.json:4: healthchecks.web[0].type must be startup, liveness or readiness, not 'ready'");
  CHECK(bad_web(R"({"path": "health"})") ==
        "app.json:4: healthchecks.web[0].path must be a path such as /health, not 'health'");
  CHECK(bad_web(R"({"path": "/a b\r\nX: y"})").find("must be a path") != std::string::npos);
  CHECK(bad_web(R"({"path": "/", "headers": {"A": "b\r\nC: d"}})").find("no header") !=
        std::string::npos);
  CHECK(bad_web(R"({"path": "/", "command": "x"})").find("not several") != std::string::npos);
  CHECK(bad_web(R"({"type": "startup"})").find("must say what is checked") != std::string::npos);
  CHECK(bad_web(R"({"path": "/", "scheme": "https"})").find("TLS ends at the router") !=
        std::string::npos);
  CHECK(bad(R"({"healthchecks": {"worker": [{"path": "/"}]}})") ==
        "app.json:1: healthchecks.worker[0] must have a port: only web is given one, as $PORT");
  CHECK(bad(R"({"healthchecks": []})") ==
        "app.json:1: healthchecks must be an object, { … }");
  CHECK(bad("{\n\"a\": 1,\n\"b\" 2}").starts_with("app.json:3: not valid JSON"));
  CHECK(bad("[]") == "app.json:1: must be a JSON object");
}

TEST_CASE("the postdeploy script is a line for a shell, and Dokku's own scripts are left alone") {
  const AppJson app = good(R"({"scripts": {"postdeploy": "a && b", "dokku": {"predeploy": "c"}}})");
  CHECK(app.postdeploy == "a && b");
  CHECK(good(app_json_text(app)) == app);
  CHECK(bad("{\n\"scripts\": {\"postdeploy\": [\"a\"]}}") ==
        "app.json:2: scripts.postdeploy must be a string");
}

TEST_CASE("cron jobs are Dokku's, with more that may be said") {
  const AppJson app = good(R"({"cron": [
      {"command": "bin/rails reports:send --all", "schedule": "30 4 * * 1-5"},
      {"command": "bin/rails reports:send", "schedule": "@daily", "name": "nightly",
       "timezone": "Europe/Berlin", "concurrency": "replace", "missed": "run_once",
       "suspend": true, "timeout": 60},
      {"command": "bin/rails reports:send --all", "schedule": "0 0 * * *"},
      {"command": "./7.sh", "schedule": "0 0 * * *"}]})");
  REQUIRE(app.cron.size() == 4);
  CHECK(app.cron[0] == CronJob{.name = "bin-rails-reports-send-all",
                               .command = "bin/rails reports:send --all",
                               .schedule = "30 4 * * 1-5"});
  CHECK(app.cron[1] == CronJob{.name = "nightly",
                               .command = "bin/rails reports:send",
                               .schedule = "@daily",
                               .timezone = "Europe/Berlin",
                               .concurrency = CronJob::Concurrency::replace,
                               .missed = CronJob::Missed::run_once,
                               .suspend = true,
                               .timeout = 60s});
  CHECK(app.cron[2].name == "bin-rails-reports-send-all-2");
  CHECK(app.cron[3].name == "job-7-sh");
  CHECK(good(app_json_text(app)) == app);
}

TEST_CASE("a cron job that cannot be meant fails the build with entry, field and what is allowed") {
  const auto bad_job = [](std::string_view fields) {
    return bad("{\n\"cron\": [\n {\"command\": \"a\", \"schedule\": \"@daily\"},\n {" +
               std::string(fields) + "}]}");
  };
  CHECK(bad_job(R"("command": "b", "schedule": "0 25 * * *")") ==
        "app.json:4: cron[1].schedule has '25' as its hour: allowed are 0 to 23, *, ranges (1-5), "
        "steps (*/2) and lists of them (1,5)");
  CHECK(bad_job(R"("command": "b")") == "app.json:4: cron[1] must have a schedule");
  CHECK(bad_job(R"("command": "", "schedule": "@daily")") ==
        "app.json:4: cron[1].command must not be empty");
  CHECK(bad_job(R"("command": "b", "schedule": "@daily", "timezone": "Europe/Berln")") ==
        "app.json:4: cron[1].timezone must be a time zone such as UTC or Europe/Berlin, by its "
        "name in the tz database, not 'Europe/Berln'");
  for (const char* zone : {"../../etc/passwd", "/etc/localtime", "", "file:UTC", "libc:UTC"})
    CHECK(bad_job(R"("command": "b", "schedule": "@daily", "timezone": ")" + std::string(zone) +
                  "\"")
              .find("must be a time zone") != std::string::npos);
  CHECK(bad_job(R"("command": "b", "schedule": "@daily", "concurrency": "never")") ==
        "app.json:4: cron[1].concurrency must be forbid, allow or replace, not 'never'");
  CHECK(bad_job(R"("command": "b", "schedule": "@daily", "missed": "all")") ==
        "app.json:4: cron[1].missed must be skip or run_once, not 'all'");
  CHECK(bad_job(R"("command": "b", "schedule": "@daily", "name": "A b")")
            .find("lower-case letters") != std::string::npos);
  CHECK(bad_job(R"("command": "b", "schedule": "@daily", "name": "a"},
      {"command": "b", "schedule": "@daily", "name": "a")") ==
        "app.json:5: cron[2] has the name 'a', as another job has");
  CHECK(bad(R"({"cron": {"command": "a"}})") == "app.json:1: cron must be a list, [ … ]");
}

TEST_CASE("a kept release is read where its time zone is not known any more") {
  std::vector<std::string> notes;
  const std::string_view text =
      R"({"cron": [{"command": "a", "schedule": "@daily", "timezone": "Europe/Atlantis"}]})";
  CHECK(parse_app_json(text, notes).has_error());
  CHECK(parse_app_json(text, notes, {.check_zones = false})->cron.at(0).timezone ==
        "Europe/Atlantis");
}

TEST_CASE("a check that is named by its long command is kept with the release") {
  const AppJson app = good(R"({"healthchecks": {"worker": [{"type": "liveness", "command": ")" +
                           std::string(300, 'x') + R"("}]}})");
  std::vector<std::string> notes;
  const auto kept = parse_app_json(app_json_text(app), notes);
  REQUIRE_MESSAGE(kept.has_value(), (kept.has_error() ? kept.error().message : ""));
  CHECK(*kept == app);
}

TEST_CASE("for a preview, environments.review goes before the rest") {
  constexpr std::string_view text = R"({
    "formation": {"web": {"quantity": 4, "size": "large"}, "worker": {"quantity": 2}},
    "healthchecks": {"web": [{"path": "/up"}]},
    "scripts": {"postdeploy": "seed live"},
    "cron": [{"command": "a", "schedule": "@daily"}],
    "environments": {"review": {
      "formation": {"worker": {"quantity": 1, "size": "small"}},
      "scripts": {"postdeploy": "seed samples"},
      "env": {"MODE": "review", "SEED": {"value": "7"}, "KEY": {"required": true}}
    }}})";
  std::vector<std::string> notes;
  const AppJson review = parse_app_json(text, notes, {.review = true}).value();
  CHECK(review.formation.at("web") == FirstFormation{.quantity = -1, .size = "large"});
  CHECK(review.formation.at("worker") == FirstFormation{.quantity = 1, .size = "small"});
  CHECK(review.health_checks.at("web").size() == 1);
  CHECK(review.postdeploy == "seed samples");
  CHECK(review.cron.empty());
  const AppJson itself = parse_app_json(text, notes).value();
  CHECK(itself.formation.at("worker").quantity == 2);
  CHECK(itself.postdeploy == "seed live");
  CHECK(itself.cron.size() == 1);
  using Vars = std::map<std::string, std::string>;
  CHECK(review_config_vars(text).value() == Vars{{"MODE", "review"}, {"SEED", "7"}});
  CHECK(review_config_vars("{}").value().empty());
}

TEST_CASE("what is wrong in environments.review is named with its line") {
  std::vector<std::string> notes;
  const std::string_view text =
      "{\"environments\":\n{\"review\": {\"formation\": {\"web\": {\"quantity\": -1}},\n"
      "\"env\": {\"A\": {\"value\": 7}}}}}";
  CHECK(parse_app_json(text, notes).has_value());
  const auto parsed = parse_app_json(text, notes, {.review = true});
  REQUIRE(parsed.has_error());
  CHECK_MESSAGE(parsed.error().message.starts_with(
                    "app.json:2: environments.review.formation.web.quantity must be"),
                parsed.error().message);
  CHECK_MESSAGE(review_config_vars(text).error().message.starts_with(
                    "app.json:3: environments.review.env.A.value must be"),
                review_config_vars(text).error().message);
}

TEST_CASE("the formation that new process types begin with is read, in part or whole") {
  const AppJson app = good(R"({"formation": {"web": {"quantity": 2, "size": "Standard-1X"},
      "worker": {"size": "256m"}, "clock": {"max_parallel": 1}}})");
  CHECK(app.formation == std::map<std::string, FirstFormation>{
                             {"web", {.quantity = 2, .size = "Standard-1X"}},
                             {"worker", {.quantity = -1, .size = "256m"}}});
  CHECK(good(app_json_text(app)) == app);
  CHECK(bad(R"({"formation": {"web": {"quantity": -1}}})") ==
        "app.json:1: formation.web.quantity must be a whole number from 0 to 100, not -1");
}

TEST_CASE("fields that do nothing are told, with the one that may have been meant") {
  std::vector<std::string> notes;
  (void)good("{\"healthchecks\": {\"web\": [\n{\"path\": \"/\", \"atempts\": 2}]}}", &notes);
  CHECK(notes == std::vector<std::string>{"app.json:2: healthchecks.web[0].atempts does nothing "
                                          "here. Did you mean 'attempts'?"});
}

TEST_CASE("the line of a value is found behind strings, lists and objects of any kind") {
  const std::string_view text =
      "{\"a\": \"}{\\\"\",\n \"b\": [1, {\"x\": []},\n  {\"c\" : \n true}]\n}";
  CHECK(line_of(text, {}) == 1);
  CHECK(line_of(text, {"b"}) == 2);
  CHECK(line_of(text, {"b", "[2]"}) == 3);
  CHECK(line_of(text, {"b", "[2]", "c"}) == 4);
  CHECK(line_of(text, {"b", "[7]"}) == 2);
  CHECK(line_of("", {"a"}) == 1);
}

}  // namespace
}  // namespace berth::platform
