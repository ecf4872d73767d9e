// SPDX-License-Identifier: Apache-2.0
//
// berth-launcher: the entry point of every image, /cnb/lifecycle/launcher (specs/cnb.md 1.10).
// Finds the process by its own name, builds the environment, and becomes the process. Exit 82: it
// could not.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "builder/launcher/launch_environment.hpp"
#include "builder/launcher/metadata.hpp"
#include "builder/launcher/shell_script.hpp"

namespace berth::launcher {

namespace fs = std::filesystem;
using builder::Environment;

namespace {

constexpr int launch_failed = 82;
constexpr unsigned args_replace_since_api = 9;

std::string variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value && *value ? value : fallback;
}

/// What is to run, however it was named.
struct Launch {
  std::string type;                  ///< empty for the user's own command
  std::vector<std::string> command;  ///< with its arguments
  bool direct = true;
  std::string working_directory;
};

Launch of_process(const Process& process, unsigned api, const std::vector<std::string>& user_args) {
  Launch launch{.type = process.type,
                .command = process.command,
                .direct = process.direct,
                .working_directory = process.working_directory};
  const bool replace = api >= args_replace_since_api || process.command.size() > 1;
  if (!replace || user_args.empty())
    launch.command.insert(launch.command.end(), process.args.begin(), process.args.end());
  launch.command.insert(launch.command.end(), user_args.begin(), user_args.end());
  return launch;
}

Result<Launch> choose(const std::string& name, std::vector<std::string> words,
                      const Metadata& metadata) {
  const std::string exec_env = variable("CNB_EXEC_ENV", "production");
  if (std::getenv("CNB_PROCESS_TYPE"))
    std::fputs("Warning: CNB_PROCESS_TYPE is obsolete; run /cnb/process/<type> instead\n", stderr);
  std::string type = metadata.names(name) ? name : "";
  if (type.empty() && words.empty()) type = metadata.default_type;
  if (!type.empty()) {
    const Process* process = metadata.find(type, exec_env);
    if (!process)
      return Error{ErrorKind::not_found,
                   "no process of type '" + type + "' is for the environment '" + exec_env + "'"};
    return of_process(*process, metadata.api_of(process->buildpack_id), words);
  }
  Launch launch;
  if (!words.empty() && words.front() == "--")
    words.erase(words.begin());
  else
    launch.direct = false;
  if (words.empty())
    return Error{ErrorKind::invalid, "there is no default process: a command is needed"};
  launch.command = std::move(words);
  return launch;
}

std::string find_program(const std::string& name, const std::string& path) {
  if (name.find('/') != std::string::npos) return name;
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    const std::string directory(rest.substr(0, colon));
    const std::string candidate = (directory.empty() ? "." : directory) + "/" + name;
    struct stat status{};
    if (::stat(candidate.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
    rest.remove_prefix(colon == rest.npos ? rest.size() : colon + 1);
  }
  return {};
}

Error become(const std::string& program, std::vector<std::string> argv,
             const Environment& environment) {
  const auto path = environment.find("PATH");
  const std::string file = find_program(program, path == environment.end() ? "" : path->second);
  if (file.empty()) return {ErrorKind::not_found, "'" + program + "' was not found on PATH"};
  std::vector<std::string> strings = environment_strings(environment);
  std::vector<char*> arguments;
  std::vector<char*> variables;
  for (auto& word : argv) arguments.push_back(word.data());
  for (auto& text : strings) variables.push_back(text.data());
  arguments.push_back(nullptr);
  variables.push_back(nullptr);
  ::execve(file.c_str(), arguments.data(), variables.data());
  return system_error("start " + file);
}

Error run_direct(const Launch& launch, const Layout& layout, const Environment& environment) {
  const std::string directory =
      launch.working_directory.empty() ? layout.app.string() : launch.working_directory;
  if (::chdir(directory.c_str()) != 0) return system_error("change to " + directory);
  return become(launch.command.front(), launch.command, environment);
}

Error run_in_shell(const Launch& launch, const Layout& layout, const Environment& environment,
                   const std::vector<fs::path>& profile_files) {
  std::vector<std::string> sourced;
  for (const auto& file : profile_files) sourced.push_back(file.string());
  std::error_code failure;
  if (fs::exists(layout.app / ".profile", failure))
    sourced.push_back((layout.app / ".profile").string());
  const std::string directory =
      launch.working_directory.empty() ? layout.app.string() : launch.working_directory;
  std::vector<std::string> argv = {
      "bash", "-c", launch_script(sourced, directory, launch.command.size() - 1), "launcher"};
  argv.insert(argv.end(), launch.command.begin(), launch.command.end());
  return become("bash", std::move(argv), environment);
}

Result<Metadata> read_metadata(const fs::path& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (!file) return system_error("open " + path.string());
  std::string text;
  char buffer[16384];
  for (std::size_t count; (count = std::fread(buffer, 1, sizeof buffer, file)) > 0;)
    text.append(buffer, count);
  std::fclose(file);
  return with_context(parse_metadata(text), path.string());
}

/// Returns only if the process could not be started.
Error run(int argc, char** argv, char** env) {
  const Layout layout{.layers = variable("CNB_LAYERS_DIR", "/layers"),
                      .app = variable("CNB_APP_DIR", "/app")};
  const std::string name = argc > 0 ? fs::path(argv[0]).filename().string() : "";
  const auto metadata = read_metadata(layout.layers / "config/metadata.toml");
  if (metadata.has_error()) return metadata.error();
  const auto launch = choose(name, {argv + std::min(argc, 1), argv + argc}, *metadata);
  if (launch.has_error()) return launch.error();

  Environment environment = initial_environment(env);
  const auto layers = layer_directories(layout, *metadata);
  if (auto result = extend_environment(environment, layers, launch->type); result.has_error())
    return result.error();
  if (::chdir(layout.app.c_str()) != 0) return system_error("change to " + layout.app.string());
  if (auto result = run_exec_d(environment, layers, launch->type); result.has_error())
    return result.error().context("exec.d");
  if (launch->direct) return run_direct(*launch, layout, environment);
  return run_in_shell(*launch, layout, environment, profiles(layers, launch->type));
}

}  // namespace
}  // namespace berth::launcher

int main(int argc, char** argv, char** env) {
  const berth::Error error = berth::launcher::run(argc, argv, env);
  std::fprintf(stderr, "ERROR: failed to launch: %s\n", error.message.c_str());
  return berth::launcher::launch_failed;
}
