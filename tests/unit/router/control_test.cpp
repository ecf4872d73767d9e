// SPDX-License-Identifier: Apache-2.0
//
// The control protocol against a running router: states, holding, switching, samples, persistence.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "router/table_file.hpp"
#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

namespace {

std::string error_code(const Peer::Message& message) { return message.header("x-berth-error"); }

}  // namespace

TEST_CASE("hello states the version that all threads serve by") {
  Server server(answer_with("hi"));
  Bed bed(2);
  bed.put("running", {{"r-1", server.port()}});
  ControlPlane second(bed.options.control_socket);
  const json::object hello = second.wait_for("hello");
  CHECK(hello.at("version").to_number<int>() == 2);
  CHECK(hello.at("threads").to_number<int>() == 2);
  CHECK(hello.at("pid").to_number<int>() == ::getpid());
  CHECK(bed.control->is_closed());
}

TEST_CASE("each state without a replica has its code") {
  Bed bed;
  const auto code_in = [&](std::string_view state, json::object more = {}) {
    bed.put(state, {}, std::move(more));
    Peer client = bed.client();
    client.send(get("/", "Accept: application/json\r\n"));
    const auto answer = client.read_message();
    CHECK(answer.status() == 503);
    CHECK(answer.header("content-type") == "application/json");
    return error_code(answer) + answer.body.substr(0, answer.body.find(",\"app\""));
  };
  const json::object quick{{"hold_timeout_ms", 50}};
  CHECK(code_in("running", quick).starts_with("H14"));
  CHECK(code_in("asleep", quick).starts_with("H20"));
  CHECK(code_in("stopped").starts_with("H14"));
  CHECK(code_in("empty").starts_with("H81"));
  CHECK(code_in("maintenance").starts_with("H80"));
  CHECK(code_in("crashed", {{"message", "web.1 exited with 1"}}) ==
        "H10{\"id\":\"H10\",\"message\":\"web.1 exited with 1\"");
}

TEST_CASE("a host without a route is 404 no-such-app, and the connection lives on") {
  Bed bed;
  Peer client = bed.client();
  for (int i = 0; i < 2; ++i) {
    client.send("GET / HTTP/1.1\r\nHost: nobody.localhost\r\nAccept: text/html\r\n\r\n");
    const auto answer = client.read_message();
    CHECK(answer.status() == 404);
    CHECK(error_code(answer) == "no-such-app");
    CHECK(answer.body.find("<!doctype html>") == 0);
    CHECK(answer.body.find("nobody.localhost") != std::string::npos);
  }
}

TEST_CASE("a request to a sleeping app is held, wakes it and is answered") {
  Server server(answer_with("awake"));
  Bed bed(2);
  bed.put("asleep", {});
  Peer client = bed.client();
  client.send("POST /up HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 4\r\n\r\nbody");
  const json::object wake = bed.control->wait_for("wake");
  CHECK(wake.at("app") == "hello");
  CHECK(wake.at("held").to_number<int>() == 1);
  bed.put("running", {{"r-1", server.port()}});
  const auto answer = client.read_message();
  CHECK(answer.status() == 200);
  CHECK(answer.body == "awake/up");
  const auto lines = bed.log_lines(1);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find(" held=") != std::string::npos);
}

TEST_CASE("wake is said again while requests wait, once a second at most") {
  Bed bed;
  bed.put("asleep", {});
  Peer client = bed.client();
  client.send(get("/"));
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(bed.control->wait_for("wake").empty());
  Peer other = bed.client();
  other.send(get("/"));
  while (bed.control->wait_for("wake").at("held").to_number<int>() != 2) {
    // On a slow machine the second request comes later than the second wake.
  }
  CHECK(std::chrono::steady_clock::now() - begin > 800ms);
}

TEST_CASE("at most 1,000 requests of an app are held") {
  Bed bed;
  bed.put("asleep", {});
  std::vector<Peer> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(bed.client());
    clients.back().send(get("/"));
  }
  CHECK(eventually([&] {
    const json::object samples = bed.control->wait_for("samples");
    return !samples.empty() &&
           samples.at("apps").at("hello").at("held").to_number<int>() == 1000;
  }));
  Peer late = bed.client();
  late.send(get("/"));
  CHECK(error_code(late.read_message()) == "H11");
}

TEST_CASE("a held client that goes away is logged as H27") {
  Bed bed;
  bed.put("asleep", {});
  Peer client = bed.client();
  client.send(get("/"));
  CHECK_FALSE(bed.control->wait_for("wake").empty());
  client.close();
  const auto lines = bed.log_lines(1);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("at=error code=H27") != std::string::npos);
  CHECK(lines[0].find("status=499") != std::string::npos);
}

TEST_CASE("drained comes once no request is left on a removed replica") {
  std::atomic<bool> received{false};
  std::atomic<bool> go{false};
  Server old_server([&](Peer& peer) {
    CHECK_FALSE(peer.read_message().head.empty());
    received = true;
    CHECK(eventually([&] { return go.load(); }));
    peer.send(response("old"));
  });
  Server new_server(answer_with("new"));
  Bed bed(2);
  bed.put("running", {{"r-old", old_server.port()}, {"r-idle", old_server.port()}});
  bed.put("running", {{"r-old", old_server.port()}});
  CHECK(bed.control->wait_for("drained").at("replica") == "r-idle");
  Peer client = bed.client();
  client.send(get("/"));
  CHECK(eventually([&] { return received.load(); }));
  bed.put("running", {{"r-new", new_server.port()}});
  Peer second = bed.client();
  second.send(get("/"));
  CHECK(second.read_message().body == "new/");
  go = true;
  CHECK(client.read_message().body == "old");
  CHECK(bed.control->wait_for("drained").at("replica") == "r-old");
}

TEST_CASE("switching a release under load loses no request") {
  Server blue(answer_with("blue"));
  Server green(answer_with("green"));
  Bed bed(2);
  bed.put("running", {{"r-blue", blue.port()}});
  std::atomic<bool> stop{false};
  std::atomic<int> sent{0};
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      Peer client = bed.client();
      for (int n = 0; !stop; ++n) {
        if (n % 50 == 49) client = bed.client();
        ++sent;
        client.send(
            i % 2 ? get("/")
                  : "POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 2\r\n\r\nhi");
        const auto answer = client.read_message();
        if (answer.status() == 200 && (answer.body == "blue/" || answer.body == "green/")) ++good;
      }
    });
  }
  for (int i = 0; i < 60 || sent < 200; ++i) {
    const bool to_green = i % 2 == 0;
    if (i % 6 == 5) bed.put("running", {});  // the gap between two releases: all wait
    bed.put("running", {{to_green ? "r-green" : "r-blue", to_green ? green.port() : blue.port()}});
    const std::string gone = to_green ? "r-blue" : "r-green";
    CHECK(bed.control->wait_for("drained").at("replica").as_string() == gone.c_str());
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  CHECK(sent == good);
  CHECK(bed.log_lines(static_cast<std::size_t>(sent)).size() == static_cast<std::size_t>(sent));
}

TEST_CASE("the table outlives the router and the control plane") {
  Server server(answer_with("still "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  bed.restart();
  bed.control.reset();
  Peer client = bed.client();
  client.send(get("/here"));
  CHECK(client.read_message().body == "still /here");
  ControlPlane again(bed.options.control_socket);
  CHECK(again.wait_for("hello").at("version").to_number<int>() == 2);
}

TEST_CASE("a large table is saved less often, so that saving stays cheap") {
  const TempDir directory =
      TempDir::create(std::filesystem::temp_directory_path(), "berth-test-").value();
  TableFile file(directory.path() / "table.json");
  CHECK(file.pause().count() == 0);
  Table table;
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "app-" + std::to_string(i);
    table.apps[name].name = name;
  }
  file.save(table);
  CHECK(eventually([&] { return file.pause() > std::chrono::milliseconds(100); }));
  table.apps.clear();
  file.save(table);
  CHECK(eventually([&] { return file.pause() < std::chrono::milliseconds(100); }));
}

TEST_CASE("a damaged table file does not keep the router from starting") {
  Bed bed;
  bed.control.reset();
  bed.router.reset();
  REQUIRE_FALSE(write_file(bed.options.table_file, "{\"version\":").has_error());
  bed.restart();
  Peer client = bed.client();
  client.send(get("/"));
  CHECK(error_code(client.read_message()) == "no-such-app");
}

TEST_CASE("hosts and apps come and go one by one or by a snapshot") {
  Server server(answer_with("hi "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  const auto ask = [&](std::string_view host) {
    Peer client = bed.client();
    client.send("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    return client.read_message().status();
  };
  CHECK(ask("HELLO.localhost:8080") == 200);
  bed.control->apply(
      {{"type", "put_host"}, {"version", 10}, {"host", "*.shop.example"}, {"app", "hello"}});
  CHECK(ask("a.shop.example") == 200);
  CHECK(ask("a.b.shop.example") == 200);
  CHECK(ask("shop.example") == 404);
  bed.control->apply({{"type", "remove_host"}, {"version", 11}, {"host", "*.shop.example"}});
  CHECK(ask("a.shop.example") == 404);
  bed.control->apply({{"type", "remove_app"}, {"version", 12}, {"name", "hello"}});
  CHECK(bed.control->wait_for("drained").at("replica") == "r-1");
  CHECK(ask("hello.localhost") == 404);
  bed.control->apply({{"type", "snapshot"},
                      {"version", 20},
                      {"apps", json::array{app_json("other", "running", {{"r-2", server.port()}})}},
                      {"hosts", json::object{{"other.localhost", "other"}}}});
  CHECK(ask("other.localhost") == 200);
  CHECK(ask("hello.localhost") == 404);
}

TEST_CASE("an unknown message is ignored, a malformed one ends the connection") {
  Bed bed;
  bed.control->send_line(R"({"type":"from_the_future","x":1})");
  bed.put("stopped", {});
  bed.control->send_line("{nonsense");
  CHECK(bed.control->is_closed());
}

TEST_CASE("samples count what was finished, then come all-zero once") {
  Server server(answer_with("hi "));
  Bed bed(2);
  bed.put("running", {{"r-1", server.port()}});
  for (int i = 0; i < 20; ++i) {
    Peer client = bed.client();
    client.send(get("/"));
    CHECK(client.read_message().status() == 200);
  }
  int requests = 0;
  json::object last;
  for (int i = 0; i < 3 && requests < 20; ++i) {
    const json::object samples = bed.control->wait_for("samples");
    REQUIRE_FALSE(samples.empty());
    last = samples.at("apps").at("hello").as_object();
    requests += last.at("requests").to_number<int>();
    if (requests == 20 && last.at("requests").to_number<int>() > 0) {
      CHECK(last.at("status").at("2xx").to_number<int>() > 0);
      CHECK(last.at("latency_us").at("max").to_number<int>() > 0);
    }
  }
  CHECK(requests == 20);
  const json::object zero = bed.control->wait_for("samples").at("apps").at("hello").as_object();
  CHECK(zero.at("requests").to_number<int>() == 0);
  CHECK(zero.at("in_flight").to_number<int>() == 0);
}

TEST_CASE("metrics are served on the admin address alone") {
  Server server(answer_with("hi "));
  Bed bed(1, [](Options& options) { options.admin_listen = "127.0.0.1:0"; });
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(get("/metrics"));
  CHECK(client.read_message().body == "hi /metrics");
  std::string text;
  // The request is counted a moment after its answer is sent.
  CHECK(eventually([&] {
    Peer admin = Peer::to_port(bed.router->admin_port());
    admin.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    text = admin.read_all();
    return text.find("berth_router_requests_total{app=\"hello\",status=\"2xx\"} 1") !=
           std::string::npos;
  }));
  CHECK(text.find("berth_router_request_duration_seconds_count{app=\"hello\"} 1") !=
        std::string::npos);
  CHECK(text.find("berth_router_client_connections 1") != std::string::npos);
}

TEST_CASE("a second router on the port is refused with a sentence") {
  Bed bed;
  Options options;
  options.listen = {"127.0.0.1:" + std::to_string(bed.port())};
  options.threads = 1;
  const auto second = Router::start(options);
  REQUIRE(second.has_error());
  CHECK(second.error().message == "port " + std::to_string(bed.port()) +
                                      " is already in use by another process; stop it (`ss -ltnp` "
                                      "shows it) or choose another port");
}

TEST_CASE("stopping lets the request in flight end and takes no new one") {
  std::atomic<bool> go{false};
  Server server([&](Peer& peer) {
    CHECK_FALSE(peer.read_message().head.empty());
    CHECK(eventually([&] { return go.load(); }));
    peer.send(response("finished"));
  });
  Bed bed(2);
  bed.put("running", {{"r-1", server.port()}});
  const std::uint16_t port = bed.port();
  Peer idle = bed.client();
  idle.send("GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
  CHECK(idle.read_message().status() == 404);
  Peer client = bed.client();
  client.send(get("/"));
  CHECK(eventually([&] { return server.connections() == 1; }));
  std::thread stopping([&] { bed.router->stop(); });
  CHECK(idle.read_all().empty());
  CHECK(eventually([&] { return Peer::to_port(port).fd() < 0; }));
  go = true;
  const std::string answer = client.read_all();
  CHECK(answer.find("Connection: close") != std::string::npos);
  CHECK(answer.ends_with("finished"));
  stopping.join();
}

}  // namespace berth::router::test
