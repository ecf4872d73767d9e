// SPDX-License-Identifier: Apache-2.0
//
// Commands as a user runs them, against a server that answers as docs/api.md says.
#include "tests/unit/cli/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

constexpr const char* hello_app =
    R"({"id":"1","name":"hello","web_url":"http://hello.localhost:8080",)"
    R"("git_url":"http://git.localhost:8080/hello.git",)"
    R"("maintenance":false,"created_at":"2026-11-20T12:00:00Z",)"
    R"("released_at":"2026-11-23T11:57:00Z",)"
    R"("owner":{"id":"2","email":"me@example.com"},"stack":{"id":"3","name":"berth-12"},)"
    R"("state":"running","release":3,"replicas":{"web":{"ready":2,"desired":3}}})";
constexpr const char* formation =
    R"([{"id":"1","type":"web","command":"npm start","quantity":2,"autoscaling":{"min":0,)"
    R"("max":5,"rps":20}},)"
    R"({"id":"2","type":"worker","command":"node w.js","quantity":0,"autoscaling":null}])";
constexpr const char* dynos =
    R"([{"name":"web.1","type":"web","command":"npm start","state":"up",)"
    R"("release":{"id":"9","version":3},)"
    R"("updated_at":"2026-11-23T11:57:00Z","message":null},)"
    R"({"name":"web.2","type":"web","command":"npm start","state":"crashed",)"
    R"("release":{"id":"9","version":3},)"
    R"("updated_at":"2026-11-23T11:59:20Z","message":"exit status 1"},)"
    R"({"name":"run.7","type":"run","command":"bash","state":"up","release":{"id":"9",)"
    R"("version":3},)"
    R"("updated_at":"2026-11-23T11:59:59Z","message":null}])";

json::value body_of(const Asked& asked) { return *parse_json(asked.body); }

}  // namespace

TEST_CASE_FIXTURE(Fixture, "info shows an app to people and the API's resource to programs") {
  server.json("GET /apps/hello", hello_app);
  CHECK(run({"info", "-a", "hello"}) == 0);
  CHECK(printed() ==
        "hello\n"
        "  State     running\n"
        "  URL       http://hello.localhost:8080\n"
        "  Git       http://git.localhost:8080/hello.git\n"
        "  Release   v3\n"
        "  Released  3 min ago\n"
        "  Replicas  web 2/3\n"
        "  Owner     me@example.com\n"
        "  Stack     berth-12\n"
        "  Created   3 days ago\n");
  CHECK(run({"info", "--app", "hello", "--json"}) == 0);
  CHECK(*parse_json(printed()) == *parse_json(hello_app));
  CHECK(server.last("GET /apps/hello").headers.at("authorization") == "Bearer secret");
}

TEST_CASE_FIXTURE(Fixture, "the app is -a, else BERTH_APP, else there is an error with a way out") {
  server.json("GET /apps/hello", hello_app);
  environment.variables["BERTH_APP"] = "hello";
  CHECK(run({"info"}) == 0);
  environment.variables["BERTH_APP"] = "";
  CHECK(run({"info"}) == 2);
  CHECK(noted() ==
        "Error: No app is named, and the git remote \"berth\" is not set here.\n"
        "→ Try: -a NAME (berth apps lists them), or: berth git:remote -a NAME\n");
}

TEST_CASE_FIXTURE(Fixture, "an app that does not exist is said so, with the list to look at") {
  CHECK(run({"info", "-a", "nope"}) == 1);
  CHECK(printed() == "");
  CHECK(noted() == "Error: Couldn't find that app.\n→ Try: berth apps\n");
}

TEST_CASE_FIXTURE(Fixture, "an app's name cannot reach another path of the API") {
  CHECK(run({"destroy", "-a", "../users/~", "--confirm", "../users/~"}) == 1);
  CHECK(server.last("DELETE /apps/..%2Fusers%2F~").body == "");
}

TEST_CASE_FIXTURE(Fixture, "apps are a table, colours only on a terminal without NO_COLOR") {
  server.json("GET /apps", "[" + std::string(hello_app) + "]");
  CHECK(run({"apps"}) == 0);
  CHECK(printed() ==
        "NAME   STATE    REPLICAS  RELEASE  RELEASED   URL\n"
        "hello  running  web 2/3   v3       3 min ago  http://hello.localhost:8080\n");
  console.terminal = true;
  CHECK(run({"apps"}) == 0);
  CHECK_CONTAINS(printed(), "\x1b[32mrunning\x1b[0m");
  environment.variables["NO_COLOR"] = "1";
  CHECK(run({"apps"}) == 0);
  CHECK(printed().find('\x1b') == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a list that the server cuts is read to its end, once") {
  server.on("GET /apps", [](const Asked& asked) {
    if (!asked.headers.contains("range"))
      return Answer{.status = 206,
                    .body = R"([{"name":"a"}])",
                    .headers = {{"Next-Range", "id ]1..; max=1"}}};
    return Answer{
        .status = 206, .body = R"([{"name":"b"}])", .headers = {{"Next-Range", "id ]1..; max=1"}}};
  });
  CHECK(run({"apps", "--json"}) == 0);
  CHECK(*parse_json(printed()) == *parse_json(R"([{"name":"a"},{"name":"b"}])"));
}

TEST_CASE_FIXTURE(Fixture, "destroy wants the app's name, typed or given") {
  server.json("GET /apps/hello", hello_app);
  server.json("DELETE /apps/hello", hello_app);
  CHECK(run({"destroy", "-a", "hello"}) == 2);
  CHECK_CONTAINS(noted(), "→ Try: berth destroy -a hello --confirm hello");
  CHECK(run({"destroy", "-a", "hello", "--confirm", "helo"}) == 1);
  CHECK(noted() == "Error: 'helo' is not 'hello'; nothing was destroyed.\n");
  console.terminal = true;
  environment.variables["NO_COLOR"] = "1";
  CHECK(run({"destroy", "-a", "hello"}) == 1);
  CHECK(server.count("DELETE /apps/hello") == 0);
  console.typed = {"hello"};
  CHECK(run({"destroy", "-a", "hello"}) == 0);
  CHECK(printed() == "Destroyed hello\n");
  CHECK(server.count("DELETE /apps/hello") == 1);
}

TEST_CASE_FIXTURE(Fixture, "ps groups replicas by type and says why one crashed") {
  server.json("GET /apps/hello/dynos", dynos);
  server.json("GET /apps/hello/formation", formation);
  CHECK(run({"ps", "-a", "hello"}) == 0);
  CHECK(printed() ==
        "web (2): npm start  · autoscales from 0 to 5 at 20 requests/s each\n"
        "  web.1  up       v3  3 min ago\n"
        "  web.2  crashed  v3  40 s ago   exit status 1\n"
        "worker (0): node w.js\n"
        "  no replicas\n"
        "run\n"
        "  run.7  up  v3  just now  bash\n");
  CHECK(run({"ps", "-a", "hello", "--json"}) == 0);
  CHECK(*parse_json(printed()) == *parse_json(dynos));
}

TEST_CASE_FIXTURE(Fixture,
                  "ps:scale sends changes as people write them and shows the formation without") {
  server.json("GET /apps/hello/formation", formation);
  server.json("PATCH /apps/hello/formation", formation);
  CHECK(run({"ps:scale", "web=3", "worker+1", "-a", "hello"}) == 0);
  CHECK(printed() == "Scaled hello: web=2 worker=0\n");
  CHECK(body_of(server.last("PATCH /apps/hello/formation")) ==
        *parse_json(
            R"({"updates":[{"type":"web","quantity":"3"},{"type":"worker","quantity":"+1"}]})"));
  CHECK(run({"scale", "-a", "hello"}) == 0);
  CHECK(printed() == "web=2 worker=0\n");
  CHECK(run({"ps:scale", "web", "-a", "hello"}) == 2);
}

TEST_CASE_FIXTURE(Fixture, "restart and stop tell replicas from process types") {
  for (const char* key :
       {"DELETE /apps/hello/dynos", "DELETE /apps/hello/dynos/web.1",
        "DELETE /apps/hello/formations/web", "POST /apps/hello/dynos/web.1/actions/stop"})
    server.on(key, Answer{.status = 202});
  CHECK(run({"ps:restart", "-a", "hello"}) == 0);
  CHECK(run({"ps:restart", "web.1", "-a", "hello"}) == 0);
  CHECK(run({"restart", "web", "-a", "hello"}) == 0);
  CHECK(printed() == "Restarting web of hello\n");
  CHECK(run({"ps:stop", "web.1", "-a", "hello"}) == 0);
  CHECK(run({"ps:stop", "web", "-a", "hello"}) == 2);
  CHECK_CONTAINS(noted(), "berth ps:scale web=0");
  CHECK(server.asked().size() == 4);
}

TEST_CASE_FIXTURE(Fixture, "autoscaling is set with its bounds, shown and taken off") {
  server.json("GET /apps/hello/formation", formation);
  server.json("PATCH /apps/hello/formation/web",
              R"({"type":"web","quantity":1,"autoscaling":{"min":0,"max":5,"rps":20}})");
  CHECK(run({"autoscale", "web", "--max", "5", "--rps", "20", "-a", "hello"}) == 0);
  CHECK(printed() == "web of hello autoscales from 0 to 5 at 20 requests/s each\n");
  CHECK(body_of(server.last("PATCH /apps/hello/formation/web")) ==
        *parse_json(R"({"autoscaling":{"min":0,"max":5,"rps":20}})"));
  CHECK(run({"autoscale", "-a", "hello"}) == 0);
  CHECK_CONTAINS(printed(), "worker  0    off\n");
  CHECK(run({"autoscale", "web", "--min", "6", "--max", "5", "--rps", "1", "-a", "hello"}) == 2);
  CHECK(run({"autoscale", "web", "-a", "hello"}) == 2);
  server.json("PATCH /apps/hello/formation/web",
              R"({"type":"web","quantity":1,"autoscaling":null})");
  CHECK(run({"autoscale:off", "web", "-a", "hello"}) == 0);
  CHECK(printed() == "web of hello no longer autoscales and stays at 1\n");
  CHECK(body_of(server.last("PATCH /apps/hello/formation/web")) ==
        *parse_json(R"({"autoscaling":null})"));
}

TEST_CASE_FIXTURE(Fixture, "config is shown, quoted for a shell, got, set and unset") {
  server.json("GET /apps/hello/config-vars", R"({"A":"it's","LONGER":"two\nlines"})");
  server.json("PATCH /apps/hello/config-vars", R"({"A":"1"})");
  server.json("GET /apps/hello/releases", R"([{"version":5}])");
  CHECK(run({"config", "-a", "hello"}) == 0);
  CHECK(printed() == "A       it's\nLONGER  two lines\n");
  CHECK(run({"config", "--shell", "-a", "hello"}) == 0);
  CHECK(printed() == "A='it'\\''s'\nLONGER='two\nlines'\n");
  CHECK(run({"config:get", "LONGER", "-a", "hello"}) == 0);
  CHECK(printed() == "two\nlines\n");
  CHECK(run({"config:get", "NONE", "-a", "hello"}) == 1);
  CHECK(run({"config:set", "A=1", "B=x=y", "C=", "-a", "hello"}) == 0);
  CHECK(printed() == "Set A, B, C of hello; the release is v5\n");
  CHECK(body_of(server.last("PATCH /apps/hello/config-vars")) ==
        *parse_json(R"({"A":"1","B":"x=y","C":""})"));
  CHECK(run({"config:unset", "A", "-a", "hello"}) == 0);
  CHECK(body_of(server.last("PATCH /apps/hello/config-vars")) == *parse_json(R"({"A":null})"));
  CHECK(run({"config:set", "A", "-a", "hello"}) == 2);
  CHECK(noted() == "Error: 'A' is not NAME=VALUE.\n→ Try: berth config:set GREETING=hello\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "releases are listed newest first and rolled back to the last good one") {
  server.json(
      "GET /apps/hello/releases",
      R"([{"id":"r4","version":4,"description":"Deploy 1a2b3c4","status":"failed","current":false,)"
      R"("user":{"email":"me@example.com"},"created_at":"2026-11-23T11:57:00Z",)"
      R"("eligible_for_rollback":false,"message":"web exited at once"},)"
      R"({"id":"r3","version":3,"description":"Set A","status":"succeeded","current":true,)"
      R"("eligible_for_rollback":true},)"
      R"({"id":"r2","version":2,"description":"Deploy","status":"succeeded",)"
      R"("current":false,"eligible_for_rollback":true}])");
  server.json("POST /apps/hello/releases",
              R"({"version":5,"description":"Rollback to v2","status":"pending"})");
  CHECK(run({"releases", "-n", "3", "-a", "hello"}) == 0);
  CHECK(server.last("GET /apps/hello/releases").headers.at("range") ==
        "version ..; max=3, order=desc");
  CHECK(printed() ==
        "RELEASE  STATUS     BY              WHEN       DESCRIPTION\n"
        "v4       failed     me@example.com  3 min ago  Deploy 1a2b3c4: web exited at once\n"
        "v3       current                               Set A\n"
        "v2       succeeded                             Deploy\n");
  CHECK(run({"rollback", "-a", "hello"}) == 0);
  CHECK(printed() == "hello: v5 (Rollback to v2)\n");
  CHECK(body_of(server.last("POST /apps/hello/releases")) == *parse_json(R"({"release":"r2"})"));
  CHECK(run({"rollback", "v2", "-a", "hello"}) == 0);
  CHECK(body_of(server.last("POST /apps/hello/releases")) == *parse_json(R"({"release":"v2"})"));
}

TEST_CASE_FIXTURE(
    Fixture,
    "a build's output is found by how its id begins, and its escape codes stay off a terminal") {
  server.json(
      "GET /apps/hello/builds",
      R"([{"id":"5f2b9c1e-0000-4000-8000-000000000001","status":"failed",)"
      R"("source_blob":{"version":"1a2b3c4d5e"},)"
      R"("release":null,"message":"npm ci failed"}])");
  server.stream("GET /apps/hello/builds/5f2b9c1e-0000-4000-8000-000000000001/output",
                [](const Asked&, FakeServer::Stream stream) {
                  stream.begin("text/plain");
                  stream.piece("-----> No");
                  stream.piece("de.js\n\x1b[2Jlast");
                  stream.end();
                });
  CHECK(run({"builds", "-a", "hello"}) == 0);
  CHECK(printed() ==
        "ID        STATUS  COMMIT   MESSAGE\n"
        "5f2b9c1e  failed  1a2b3c4  npm ci failed\n");
  CHECK(run({"builds:output", "5f2b", "-a", "hello"}) == 0);
  CHECK(printed() == "-----> Node.js\n\x1b[2Jlast\n");
  console.terminal = true;
  CHECK(run({"builds:output", "-a", "hello"}) == 0);
  CHECK(printed() == "-----> Node.js\nlast\n");
  CHECK(run({"builds:output", "ffff", "-a", "hello"}) == 1);
  CHECK_CONTAINS(noted(), "No build of hello begins with ffff.");
}

TEST_CASE_FIXTURE(Fixture, "builds:cancel ends the newest build and says of which commit") {
  server.json("GET /apps/hello/builds",
              R"([{"id":"5f2b9c1e-0000-4000-8000-000000000001","status":"pending"}])");
  server.json("POST /apps/hello/builds/5f2b9c1e-0000-4000-8000-000000000001/actions/cancel",
              R"({"id":"5f2b9c1e-0000-4000-8000-000000000001",)"
              R"("source_blob":{"version":"1a2b3c4d5e"}})");
  CHECK(run({"builds:cancel", "-a", "hello"}) == 0);
  CHECK(printed() == "Cancelled the build of 1a2b3c4 of hello.\n");
}

TEST_CASE_FIXTURE(Fixture, "system:df shows each part, what is shared and what can be given back") {
  server.json("GET /disk-usage",
              R"({"path":"/data","total_bytes":100000000000,"free_bytes":2000000000,)"
              R"("min_free_bytes":1000000000,"reclaimable_bytes":40000000,"parts":[)"
              R"({"name":"images","count":3,"bytes":1500000000,"reclaimable_bytes":40000000,)"
              R"("shared_bytes":1400000000,"unique_bytes":100000000},)"
              R"({"name":"git","count":2,"bytes":4000,"reclaimable_bytes":0}]})");
  CHECK(run({"system:df"}) == 0);
  CHECK(printed() ==
        "WHAT    COUNT  SIZE    RECLAIMABLE\n"
        "images  3      1.5 GB  40.0 MB      1.4 GB shared, 100.0 MB unique\n"
        "git     2      4.0 kB  -\n"
        "\n"
        "2.0 GB of 100.0 GB free at /data; builds need 1.0 GB.\n");
  CHECK_CONTAINS(noted(), "berth system:prune");
  CHECK(run({"system:df", "--json"}) == 0);
  CHECK_CONTAINS(printed(), "\"reclaimable_bytes\"");
}

TEST_CASE_FIXTURE(Fixture, "system:prune says what went; a dry run what would go") {
  server.json("POST /disk-usage/actions/prune",
              R"({"dry_run":true,"bytes":41000000,"images":["shop:v1"],"blobs":3,"layers":2,)"
              R"("caches":1,"paths":["work/b1"],"free_bytes":2000000000})");
  CHECK(run({"system:prune", "--dry-run"}) == 0);
  CHECK(printed() ==
        "Would remove shop:v1\nWould remove work/b1\n"
        "Would free 41.0 MB: 3 blobs, 2 unpacked layers, 1 caches. 2.0 GB are free.\n");
  CHECK(run({"system:prune"}) == 0);
  CHECK_CONTAINS(printed(), "Removed shop:v1\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "buildpacks are listed, set, added, removed and cleared as a whole list") {
  server.json("GET /apps/hello/buildpack-installations",
              R"([{"ordinal":0,"buildpack":{"url":"one","name":"one"}},)"
              R"({"ordinal":1,"buildpack":{"url":"two","name":"two"}}])");
  server.json("PUT /apps/hello/buildpack-installations", "[]");
  const auto sent = [&] {
    std::string text;
    const auto body = body_of(server.last("PUT /apps/hello/buildpack-installations"));
    for (const auto& update : body.at("updates").as_array())
      text += std::string(update.at("buildpack").as_string()) + " ";
    return text;
  };
  CHECK(run({"buildpacks", "-a", "hello"}) == 0);
  CHECK(printed() == "1. one\n2. two\n");
  CHECK(run({"buildpacks:set", "new", "-a", "hello"}) == 0);
  CHECK(sent() == "new two ");
  CHECK(printed() == "The next build of hello uses:\n1. new\n2. two\n");
  CHECK(run({"buildpacks:set", "new", "-i", "2", "-a", "hello"}) == 0);
  CHECK(sent() == "one new ");
  CHECK(run({"buildpacks:set", "new", "-i", "9", "-a", "hello"}) == 0);
  CHECK(sent() == "one two new ");
  CHECK(run({"buildpacks:add", "new", "-a", "hello"}) == 0);
  CHECK(sent() == "one two new ");
  CHECK(run({"buildpacks:add", "new", "-i", "1", "-a", "hello"}) == 0);
  CHECK(sent() == "new one two ");
  CHECK(run({"buildpacks:add", "two", "-a", "hello"}) == 1);
  CHECK_CONTAINS(noted(), "The buildpack two is in the list already.");
  CHECK(run({"buildpacks:remove", "one", "-a", "hello"}) == 0);
  CHECK(sent() == "two ");
  CHECK(run({"buildpacks:remove", "-i", "2", "-a", "hello"}) == 0);
  CHECK(sent() == "one ");
  CHECK(run({"buildpacks:remove", "-i", "3", "-a", "hello"}) == 1);
  CHECK_CONTAINS(noted(), "hello has no such buildpack in its list.");
  CHECK(run({"buildpacks:remove", "-a", "hello"}) == 2);
  CHECK(run({"buildpacks:clear", "-a", "hello"}) == 0);
  CHECK(sent().empty());
}

TEST_CASE_FIXTURE(Fixture, "domains, maintenance, rename and open say what they did") {
  server.json("GET /apps/hello", hello_app);
  server.json("PATCH /apps/hello", R"({"name":"hallo","web_url":"http://hallo.localhost:8080"})");
  server.json("GET /apps/hello/domains",
              R"([{"hostname":"hello.localhost","kind":"heroku","status":"succeeded"},)"
              R"({"hostname":"www.example.com","kind":"custom","status":"succeeded"}])");
  server.json("POST /apps/hello/domains",
              R"({"hostname":"www.example.com","cname":"hello.localhost"})");
  server.json("DELETE /apps/hello/domains/www.example.com", "{}");
  CHECK(run({"domains", "-a", "hello"}) == 0);
  CHECK_CONTAINS(printed(), "hello.localhost  platform  succeeded\n");
  CHECK(run({"domains:add", "www.example.com", "-a", "hello"}) == 0);
  CHECK(printed() == "Added www.example.com to hello\n");
  CHECK(run({"domains:remove", "www.example.com", "-a", "hello"}) == 0);
  CHECK(run({"maintenance:on", "-a", "hello"}) == 0);
  CHECK(printed() == "Maintenance of hello is on\n");
  CHECK(run({"rename", "hallo", "-a", "hello"}) == 0);
  CHECK(printed() == "Renamed hello to hallo\n  http://hallo.localhost:8080\n");
  CHECK(run({"open", "status", "-a", "hello"}) == 0);
  CHECK(printed() == "http://hello.localhost:8080/status\n");
}

TEST_CASE_FIXTURE(Fixture, "tokens are made once, listed without secrets and revoked") {
  server.json("POST /oauth/authorizations", R"({"id":"t1","access_token":{"token":"BRTH-x"}})");
  server.json(
      "GET /oauth/authorizations",
      R"([{"id":"t1","description":"ci","created_at":"2026-11-23T11:00:00Z",)"
      R"("access_token":{"expires_in":7200}}])");
  server.json("DELETE /oauth/authorizations/t1", "{}");
  CHECK(run({"tokens:create", "-d", "ci", "--days", "2"}) == 0);
  CHECK(printed() == "BRTH-x\n");
  CHECK(body_of(server.last("POST /oauth/authorizations")) ==
        *parse_json(R"({"description":"ci","expires_in":172800})"));
  CHECK(run({"tokens"}) == 0);
  CHECK(printed() == "ID  DESCRIPTION  CREATED  EXPIRES\nt1  ci           1 h ago  in 1 h\n");
  CHECK(run({"tokens:revoke", "t1"}) == 0);
}

TEST_CASE_FIXTURE(Fixture, "status, events and version describe the platform") {
  server.json(
      "GET /status",
      R"({"version":"0.1.0","api_url":"http://x","router":{"connected":true,"routes":2},)"
      R"("disk":{"free_bytes":2000000000}})");
  server.json(
      "GET /events",
      R"([{"sequence":9,"at":"2026-11-23T11:57:00Z","app":"hello","user":"me",)"
      R"("kind":"app.created","message":"created"}])");
  CHECK(run({"status"}) == 0);
  CHECK(printed() == "Berth at " + server.url() +
                         "\n  version  0.1.0\n  api url  http://x\n"
                         "  router   connected yes · routes 2\n  disk     free 2.0 GB\n");
  CHECK(run({"events"}) == 0);
  CHECK_CONTAINS(printed(), "3 min ago  hello  me  app.created  created\n");
  CHECK(run({"--version"}) == 0);
  CHECK(printed() == "berth " BERTH_VERSION "\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "a detached one-off prints its name and sends the arguments as they are") {
  server.on("POST /apps/hello/dynos",
            Answer{.status = 201, .body = R"({"name":"run.12","attach_url":null})"});
  CHECK(run({"run", "--detached", "-e", "A=1", "-e", "B=2", "-a", "hello", "--", "echo", "$A",
             "-x"}) == 0);
  CHECK(printed() == "run.12\n");
  CHECK(
      body_of(server.last("POST /apps/hello/dynos")) ==
      *parse_json(
          R"({"command":"echo '$A' -x","attach":false,"env":{"A":"1","B":"2"},)"
          R"("force_no_tty":true})"));
  CHECK(run({"run", "-d", "-a", "hello", "echo $A | wc -l"}) == 0);
  CHECK(body_of(server.last("POST /apps/hello/dynos")).at("command") == "echo $A | wc -l");
  CHECK(run({"run", "-d", "-a", "hello", "ls", "--help"}) == 0);
  CHECK(body_of(server.last("POST /apps/hello/dynos")).at("command") == "ls --help");
  CHECK(run({"run", "-d", "-a", "hello"}) == 2);
  CHECK(run({"run", "-x", "ls"}) == 2);
}

TEST_CASE_FIXTURE(Fixture,
                  "no answer, no login and no API have exit codes and ways out of their own") {
  environment.variables["BERTH_URL"] = "http://127.0.0.1:1";
  CHECK(run({"apps"}) == 4);
  CHECK(noted() ==
        "Error: Berth does not answer at http://127.0.0.1:1 (Connection refused). Is the platform "
        "running there?\n"
        "→ Try: ./up in Berth's directory, or 'berth server' to start it by hand\n");
  environment.variables["BERTH_TOKEN"] = "";
  CHECK(run({"apps"}) == 3);
  CHECK(noted() ==
        "Error: You are not logged in to http://127.0.0.1:1.\n→ Try: berth login --url "
        "http://127.0.0.1:1\n");
  environment.variables["BERTH_TOKEN"] = "x";
  environment.variables["BERTH_URL"] = server.url();
  server.on(
      "GET /apps",
      Answer{.status = 401, .body = R"({"id":"unauthorized","message":"Invalid credentials."})"});
  CHECK(run({"apps"}) == 3);
  server.on("GET /apps", Answer{.body = "<html>hello</html>"});
  CHECK(run({"apps"}) == 1);
  CHECK_CONTAINS(noted(), "is not Berth's API");
}

TEST_CASE_FIXTURE(Fixture, "login checks the token and keeps it; logout forgets it") {
  environment.variables.erase("BERTH_URL");
  environment.variables.erase("BERTH_TOKEN");
  server.on("GET /account", [](const Asked& asked) {
    if (asked.headers.at("authorization") == "Bearer good")
      return Answer{.body = R"({"email":"me@example.com"})"};
    return Answer{.status = 401,
                  .body = R"({"id":"unauthorized","message":"Invalid credentials."})"};
  });
  CHECK(run({"login", "--token", "bad", "--url", server.url()}) == 3);
  CHECK_CONTAINS(noted(), "does not accept this token.");
  CHECK(run({"whoami"}) == 3);
  console.typed = {"good"};
  CHECK(run({"login", "--url", server.url() + "/"}) == 0);
  CHECK(printed() == "Logged in to " + server.url() + " as me@example.com (context local)\n");
  CHECK(run({"whoami"}) == 0);
  CHECK(printed() == "me@example.com\n");
  CHECK(run({"login", "--token", "good", "--url", server.url(), "--context", "two"}) == 0);
  CHECK(run({"context"}) == 0);
  CHECK(printed() == "   NAME   URL                     USER\n   local  " + server.url() +
                         "  me@example.com\n*  two    " + server.url() + "  me@example.com\n");
  CHECK(run({"context:use", "local"}) == 0);
  CHECK(run({"context:use", "none"}) == 1);
  CHECK(run({"context:remove", "two"}) == 0);
  CHECK(run({"logout"}) == 0);
  CHECK(run({"whoami"}) == 3);
  CHECK(run({"login", "--url", "gopher://x"}) == 2);
}

TEST_CASE_FIXTURE(Fixture, "a token is sent only to the platform that it belongs to") {
  server.json("GET /account", R"({"email":"me@example.com"})");
  server.json("GET /apps", "[]");
  CHECK(run({"login", "--token", "good", "--url", server.url()}) == 0);
  environment.variables["BERTH_TOKEN"] = "";
  CHECK(run({"apps"}) == 0);
  CHECK(server.last("GET /apps").headers.at("authorization") == "Bearer good");
  const FakeServer other;
  environment.variables["BERTH_URL"] = other.url();
  CHECK(run({"apps"}) == 3);
  CHECK(other.asked().empty());
}

TEST_CASE_FIXTURE(Fixture, "a broken context file is named, not overwritten") {
  environment.variables["XDG_CONFIG_HOME"] = directory.path();
  const auto file = directory.path() / "berth" / "config.json";
  REQUIRE(make_directories(file.parent_path()).has_value());
  REQUIRE(write_file(file, "{broken").has_value());
  CHECK(run({"login", "--token", "x", "--url", server.url()}) == 1);
  CHECK_CONTAINS(noted(), file.string());
  CHECK(*read_file(file) == "{broken");
}
