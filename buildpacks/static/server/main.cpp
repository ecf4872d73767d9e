// SPDX-License-Identifier: Apache-2.0
//
// berth-static: serves a folder on $PORT until SIGTERM. It may be process 1 of its container, so it
// handles signals itself.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "buildpacks/static/server/server.hpp"

namespace {

constexpr std::string_view usage =
    "usage: berth-static [--root DIR] [--port N] [--fallback /PAGE] [--rules FILE]\n"
    "  --root DIR        the folder to serve (default: .)\n"
    "  --port N          the port (default: $PORT, or 8080)\n"
    "  --fallback /PAGE  answer unknown paths with this page and 200, for single-page apps\n"
    "  --rules FILE      redirects, routes, headers and so on, as rules.hpp describes them\n";

struct Options {
  std::string root = ".";
  std::string fallback;
  std::string rules;
  std::string port;
};

bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 >= argc) return false;
    if (name == "--root") {
      options.root = argv[i + 1];
    } else if (name == "--port") {
      options.port = argv[i + 1];
    } else if (name == "--fallback" && argv[i + 1][0] == '/') {
      options.fallback = argv[i + 1];
    } else if (name == "--rules") {
      options.rules = argv[i + 1];
    } else {
      return false;
    }
  }
  return true;
}

// False: the file cannot be read, or `error` says which line is wrong.
bool read_rules(const Options& options, berth::site::Rules& rules, std::string& error) {
  if (!options.rules.empty()) {
    std::ifstream file(options.rules);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file) return false;
    auto parsed = berth::site::parse_rules(text, error);
    if (!parsed) return false;
    rules = std::move(*parsed);
  }
  if (!options.fallback.empty()) rules.routes.push_back({"/**", options.fallback});
  return true;
}

int fail(const std::string& what) {
  std::fprintf(stderr, "berth-static: %s: %s\n", what.c_str(), std::strerror(errno));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const char* port = std::getenv("PORT")) options.port = port;
  if (!read_options(argc, argv, options)) {
    std::fputs(usage.data(), stderr);
    return 2;
  }
  std::uint16_t port = 8080;
  const auto& text = options.port;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (!text.empty() && (error != std::errc{} || end != text.data() + text.size())) {
    std::fprintf(stderr, "berth-static: \"%s\" is not a port\n", text.c_str());
    return 2;
  }

  berth::site::Rules rules;
  std::string wrong;
  if (!read_rules(options, rules, wrong)) {
    std::fprintf(stderr, "berth-static: %s cannot be used%s%s\n", options.rules.c_str(),
        wrong.empty() ? "" : "; this line is not one: ", wrong.c_str());
    return 2;
  }
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const berth::Fd stop(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));

  berth::Fd root(open(options.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail("cannot open the folder " + options.root);
  berth::Fd listener = berth::site::listen_on(port);
  if (!listener) return fail("cannot listen on port " + std::to_string(port));
  std::printf("Serving %s on port %u\n", options.root.c_str(),
      static_cast<unsigned>(berth::site::port_of(listener)));
  std::fflush(stdout);
  berth::site::Server server(
      std::move(listener), berth::site::Site(std::move(root), std::move(rules)));
  server.run(stop);
  return 0;
}
