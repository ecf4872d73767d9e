// SPDX-License-Identifier: Apache-2.0
//
// RUN: one program in a sandbox of its own over the stage's layers.
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.hpp"
#include "builder/cancel_watch.hpp"
#include "builder/docker_build.hpp"
#include "builder/failure.hpp"
#include "builder/image_process.hpp"
#include "builder/indented_output.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

constexpr const char* certificates = "/etc/ssl/certs/ca-certificates.crt";
/// Beside the place that a package may write itself, for as long as the instruction runs.
constexpr const char* lent_certificates = "/run/berth/ca-certificates.crt";
constexpr const char* script_path = "/run/berth/script";
constexpr const char* default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Result<void> give(const fs::path& path, const DockerMount& mount, std::uint32_t mode) {
  if (::lchown(path.c_str(), mount.uid, mount.gid) != 0 ||
      ::chmod(path.c_str(), mount.mode.value_or(mode) & 07777) != 0)
    return system_error("set attributes of " + path.string());
  return {};
}

bool is_script(const Instruction& run) {
  return !run.exec && run.words.size() == 1 && !run.heredocs.empty() &&
         run.heredocs.front().content.starts_with("#!");
}

}  // namespace

Result<void> DockerBuild::run_step(std::size_t index, DockerState& state, const Instruction& run) {
  if (run.exec && run.words.empty())
    return dockerfile_error(file_.file, run, "its list is empty");
  BERTH_ASSIGN(const auto layers, directories(state.image));
  const RootView root(layers);
  Prepared prepared;
  const auto user = image_user(state.image, layers);
  if (user.has_error()) return fail(run, user.error());
  prepared.command = {.argv = state.command_of(run),
                      .env = state.environment(),
                      .working_directory = state.image.working_directory.empty()
                                               ? "/"
                                               : state.image.working_directory,
                      .uid = user->uid,
                      .gid = user->gid};
  prepared.command.env.emplace("HOME", user->home);
  prepared.command.env.emplace("PATH", default_path);
  const std::string network = run.flag("network").value_or("default");
  if (network != "default" && network != "none")
    return dockerfile_error(file_.file, run, "--network=" + network +
                                                 " is not possible: builds have the network of "
                                                 "builds (default) or none");
  if (run.flag("security").value_or("sandbox") != "sandbox")
    return dockerfile_error(file_.file, run, "--security=insecure is not possible here");
  prepared.spec.network = network == "default";

  // Before the mounts: what they carry into the environment is no part of the key.
  std::vector<std::string> key = {"run", network, state.image.user,
                                  prepared.command.working_directory};
  for (const auto& layer : state.image.layers) key.push_back(layer.diff_id);
  key.emplace_back("argv");
  key.insert(key.end(), prepared.command.argv.begin(), prepared.command.argv.end());
  key.emplace_back("env");
  for (const auto& [name, value] : prepared.command.env) key.push_back(name + "=" + value);
  auto mounted = prepare_mounts(index, state, run, root, prepared);
  if (mounted.has_error()) return fail(run, mounted.error());
  key.emplace_back("mounts");
  key.insert(key.end(), prepared.key.begin(), prepared.key.end());
  const std::string id = docker_key(key);

  BERTH_ASSIGN(const bool reused, reuse(index, state, run, id));
  if (reused) return {};
  if (is_script(run)) {
    BERTH_ASSIGN(const fs::path directory, fresh_directory());
    BERTH_TRY(write_file(directory / "script", run.heredocs.front().content));
    BERTH_TRY(give(directory / "script", {}, 0755));
    prepared.spec.binds.push_back({.source = directory / "script", .target = script_path});
    prepared.command.argv = {script_path};
  }
  BERTH_TRY(lend(root, prepared));
  BERTH_ASSIGN(prepared.spec.root_upper, fresh_directory());
  BERTH_ASSIGN(prepared.spec.root_work, fresh_directory());
  BERTH_TRY(start(run, layers, prepared));
  return add_layer(index, state, run, id, prepared.spec.root_upper);
}

/// This machine's certificates, proxies and registries, as every build gets them; nothing of it
/// stays in the layer.
Result<void> DockerBuild::lend(const RootView& root, Prepared& prepared) const {
  auto& env = prepared.command.env;
  for (const auto& [name, value] : context_.request.operator_env)
    if (name.find('.') == name.npos) env.emplace(name, value);
  std::vector<SandboxSpec::Bind> binds = context_.request.extra_binds;
  for (const auto& bind : context_.request.extra_binds) {
    if (bind.target != certificates) continue;
    binds.push_back({.source = bind.source, .target = lent_certificates});
    for (const char* name : {"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT",
                             "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"})
      env.emplace(name, lent_certificates);
  }
  for (auto& bind : binds) prepared.spec.binds.push_back(std::move(bind));
  for (auto& bind : prepared.spec.binds) {
    BERTH_ASSIGN(const RootEntry there, root.find(bind.target));
    bind.target = "/" + there.path;
  }
  return {};
}

Result<void> DockerBuild::start(const Instruction& run,
                                const std::vector<fs::path>& layers, Prepared& prepared) const {
  const BuildRequest& request = context_.request;
  prepared.spec.name = "docker-" + request.build_id.substr(0, 33);
  prepared.spec.root_layers = layers;
  prepared.spec.limits = request.limits;
  prepared.command.timeout = context_.time_left();
  auto sandbox = context_.sandboxes.open(prepared.spec);
  if (sandbox.has_error())
    return fail(run, sandbox.error().context("open the instruction's sandbox"));
  Result<SandboxExit> exit = Error{};
  {
    const CancelWatch watch(**sandbox, context_.cancel);
    IndentedOutput output(context_.sink);
    exit = (*sandbox)->run(prepared.command, [&](std::string_view text) { output.write(text); });
    output.finish();
  }
  sandbox->reset();  // before its upper directory is taken
  if (exit.has_error()) return fail(run, exit.error());
  if (exit->status.success() && !exit->cancelled && !exit->timed_out && !exit->out_of_disk)
    return {};
  const Error why = explain_exit(*exit, request.limits, request.timeout, "the command");
  return why.kind == ErrorKind::cancelled ? why : fail(run, why);
}

Result<void> DockerBuild::prepare_mounts(std::size_t index, const DockerState& state,
                                         const Instruction& run, const RootView& root,
                                         Prepared& prepared) {
  for (const auto& [flag, text] : run.flags) {
    if (flag != "mount") continue;
    BERTH_ASSIGN(const std::string value, state.expand(run, text));
    BERTH_ASSIGN(const DockerMount mount, parse_docker_mount(value));
    BERTH_ASSIGN(const RootEntry there, root.find(state.absolute(mount.target)));
    const std::string target = "/" + there.path;
    if (target == "/" && !mount.target.empty())
      return Error{ErrorKind::invalid, "--mount: the target '" + mount.target +
                                           "' is the root, or no path"};
    prepared.key.push_back(value);
    switch (mount.kind) {
      case DockerMount::Kind::cache: BERTH_TRY(mount_cache(mount, target, prepared)); break;
      case DockerMount::Kind::secret: BERTH_TRY(mount_secret(mount, target, prepared)); break;
      case DockerMount::Kind::bind:
        BERTH_TRY(mount_files(index, mount, run, target, prepared));
        break;
      case DockerMount::Kind::tmpfs: {
        BERTH_ASSIGN(const fs::path directory, fresh_directory());
        BERTH_TRY(give(directory, mount, 0755));
        prepared.spec.binds.push_back({.source = directory, .target = target, .writable = true});
      }
    }
  }
  return {};
}

/// An app's own, kept between its builds.
Result<void> DockerBuild::mount_cache(const DockerMount& mount, const std::string& target,
                                      Prepared& prepared) {
  if (!mount.from.empty())
    return Error{ErrorKind::invalid, "--mount=type=cache: a cache begins empty here, without from"};
  const std::string key = docker_key({mount.id, std::to_string(mount.uid),
                                      std::to_string(mount.gid)});
  auto layer = cache_.find_mount(key);
  if (!layer) {
    BERTH_ASSIGN(const fs::path directory, fresh_directory());
    BERTH_TRY(make_directories(directory / "content"));
    BERTH_TRY(give(directory / "content", mount, 0755));
    BERTH_ASSIGN(layer, context_.images.add_private_layer(directory));
  }
  cache_.keep_mount(key, *layer);
  BERTH_ASSIGN(const fs::path directory, context_.images.mountable_layer(*layer));
  prepared.spec.binds.push_back(
      {.source = directory / "content", .target = target, .writable = mount.writable});
  return {};
}

/// The config var of that name.
Result<void> DockerBuild::mount_secret(const DockerMount& mount, const std::string& target,
                                       Prepared& prepared) {
  const auto& variables = context_.request.config_vars;
  const auto value = variables.find(mount.id);
  if (value == variables.end()) {
    if (!mount.required) return {};
    return Error{ErrorKind::invalid, "it needs the secret '" + mount.id +
                                         "', a config var that is not set: berth config:set " +
                                         mount.id + "=…"};
  }
  if (!mount.variable.empty()) prepared.command.env[mount.variable] = value->second;
  if (mount.target.empty()) return {};
  BERTH_ASSIGN(const fs::path directory, fresh_directory());
  BERTH_TRY(write_file(directory / "secret", value->second, 0600));
  BERTH_TRY(give(directory / "secret", mount, 0400));
  prepared.spec.binds.push_back({.source = directory / "secret", .target = target});
  return {};
}

Result<void> DockerBuild::mount_files(std::size_t index, const DockerMount& mount,
                                      const Instruction& run, const std::string& target,
                                      Prepared& prepared) {
  BERTH_ASSIGN(const Origin from, origin(index, run, mount.from));
  BERTH_ASSIGN(const auto sources,
               find_copy_sources(from.files, {mount.source.empty() ? "." : mount.source}));
  prepared.key.push_back(fingerprint(from, sources));
  BERTH_ASSIGN(const fs::path content, fresh_directory());
  const RootView nothing({});
  const bool directory = sources.front().entry.is_directory();
  // A file that may be written must not be the layer's own.
  CopyOptions options;
  if (mount.writable && !directory) options.owner = {0, 0};
  LayerWriter writer(content, nothing, scratch_, options);
  BERTH_TRY(writer.copy(from.files, {sources.front()}, directory ? "/content/" : "/content"));
  if (!directory || !mount.writable) {
    prepared.spec.binds.push_back(
        {.source = content / "content", .target = target, .writable = mount.writable});
    return {};
  }
  BERTH_ASSIGN(const fs::path upper, fresh_directory());
  BERTH_ASSIGN(const fs::path work, fresh_directory());
  prepared.spec.overlays.push_back(
      {.target = target, .lowers = {content / "content"}, .upper = upper, .work = work});
  return {};
}

}  // namespace berth::builder
