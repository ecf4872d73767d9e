// SPDX-License-Identifier: Apache-2.0
#include "builder/launcher/launch_environment.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace berth::launcher {

namespace fs = std::filesystem;
using builder::EnvFile;
using builder::Environment;

namespace {

using Layers = std::vector<std::vector<fs::path>>;

std::string escape_id(std::string id) {
  std::replace(id.begin(), id.end(), '/', '_');
  return id;
}

std::vector<fs::path> sorted_entries(const fs::path& directory, bool directories) {
  std::vector<fs::path> result;
  std::error_code failure;
  for (fs::directory_iterator at(directory, failure), end; !failure && at != end;
       at.increment(failure))
    if (at->is_directory(failure) == directories) result.push_back(at->path());
  std::sort(result.begin(), result.end());
  return result;
}

std::vector<fs::path> files_for(const fs::path& directory, const std::string& type) {
  std::vector<fs::path> result = sorted_entries(directory, false);
  if (!type.empty())
    for (auto& file : sorted_entries(directory / type, false)) result.push_back(std::move(file));
  return result;
}

Result<std::string> read_all(int fd) {
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read");
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
  }
}

Result<void> apply_directory(Environment& environment, const fs::path& directory) {
  std::vector<EnvFile> files;
  for (const auto& path : sorted_entries(directory, false)) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return system_error("open " + path.string());
    auto content = read_all(fd);
    ::close(fd);
    BERTH_TRY(with_context(content, path.string()));
    files.push_back({path.filename().string(), std::move(*content)});
  }
  builder::apply_env_files(environment, std::move(files));
  return {};
}

std::string without(std::string_view path, std::initializer_list<std::string_view> dropped) {
  std::string result;
  while (!path.empty()) {
    const auto colon = path.find(':');
    const std::string_view part = path.substr(0, colon);
    if (std::find(dropped.begin(), dropped.end(), part) == dropped.end())
      result.append(result.empty() ? "" : ":").append(part);
    path.remove_prefix(colon == path.npos ? path.size() : colon + 1);
  }
  return result;
}

[[noreturn]] void exec_with_pipe(const fs::path& program, int pipe, char* const* env) {
  // dup2 onto itself would keep close-on-exec.
  if (pipe == 3)
    ::fcntl(3, F_SETFD, 0);
  else
    ::dup2(pipe, 3);
  char* const argv[] = {const_cast<char*>(program.c_str()), nullptr};
  ::execve(program.c_str(), argv, env);
  ::_exit(126);
}

Result<void> run_program(const fs::path& program, Environment& environment) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return system_error("pipe");
  std::vector<std::string> strings = environment_strings(environment);
  std::vector<char*> env;
  for (auto& text : strings) env.push_back(text.data());
  env.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork");
  if (pid == 0) exec_with_pipe(program, pipe[1], env.data());
  ::close(pipe[1]);
  const auto output = read_all(pipe[0]);
  ::close(pipe[0]);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  BERTH_TRY(output);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return Error{ErrorKind::invalid, WIFEXITED(status)
                                         ? "exit status " + std::to_string(WEXITSTATUS(status))
                                         : "killed by signal " + std::to_string(WTERMSIG(status))};
  BERTH_ASSIGN(const auto pairs, with_context(parse_exec_d(*output), "its output on descriptor 3"));
  for (const auto& [name, value] : pairs) environment[name] = value;
  return {};
}

}  // namespace

Environment initial_environment(char** variables) {
  Environment result;
  for (char** entry = variables; *entry; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != text.npos) result[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  for (const char* name : {"CNB_LAYERS_DIR", "CNB_APP_DIR", "CNB_PROCESS_TYPE", "CNB_PLATFORM_API",
                           "CNB_DEPRECATION_MODE"})
    result.erase(name);
  if (const auto path = result.find("PATH"); path != result.end())
    path->second = without(path->second, {"/cnb/process", "/cnb/lifecycle"});
  return result;
}

Layers layer_directories(const Layout& layout, const Metadata& metadata) {
  Layers result;
  for (const auto& buildpack : metadata.buildpacks)
    result.push_back(sorted_entries(layout.layers / escape_id(buildpack.id), true));
  return result;
}

Result<void> extend_environment(Environment& environment, const Layers& layers,
                                const std::string& type) {
  for (const auto& buildpack : layers) {
    for (const auto& layer : buildpack) {
      std::set<std::string> present;
      std::error_code failure;
      for (const auto& name : builder::layer_root_directories())
        if (fs::is_directory(layer / name, failure)) present.insert(name);
      builder::apply_layer_roots(environment, layer.string(), present, builder::Stage::launch);
    }
    for (const auto& layer : buildpack) {
      BERTH_TRY(apply_directory(environment, layer / "env"));
      BERTH_TRY(apply_directory(environment, layer / "env.launch"));
      if (!type.empty()) BERTH_TRY(apply_directory(environment, layer / "env.launch" / type));
    }
  }
  return {};
}

Result<void> run_exec_d(Environment& environment, const Layers& layers, const std::string& type) {
  for (const auto& buildpack : layers)
    for (const auto& layer : buildpack)
      for (const auto& program : files_for(layer / "exec.d", type))
        BERTH_TRY(with_context(run_program(program, environment), program.string()));
  return {};
}

std::vector<fs::path> profiles(const Layers& layers, const std::string& type) {
  std::vector<fs::path> result;
  for (const auto& buildpack : layers)
    for (const auto& layer : buildpack)
      for (auto& file : files_for(layer / "profile.d", type)) result.push_back(std::move(file));
  return result;
}

std::vector<std::string> environment_strings(const Environment& environment) {
  std::vector<std::string> result;
  for (const auto& [name, value] : environment) result.push_back(name + "=" + value);
  return result;
}

}  // namespace berth::launcher
