// SPDX-License-Identifier: Apache-2.0
#include "builder/docker_mount.hpp"

#include <charconv>

namespace berth::builder {

namespace {

Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

Result<bool> truth(std::string_view name, std::string_view value) {
  if (value.empty() || value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return invalid("--mount: " + std::string(name) + " is true or false");
}

Result<std::uint32_t> number(std::string_view name, std::string_view value, int base) {
  std::uint32_t result = 0;
  const auto [end, failure] =
      std::from_chars(value.data(), value.data() + value.size(), result, base);
  if (value.empty() || failure != std::errc{} || end != value.data() + value.size() ||
      result > 65'535)
    return invalid(std::string(name) + " '" + std::string(value) + "' is no " +
                   (base == 8 ? "octal mode, such as 0644" : "number up to 65535"));
  return result;
}

Result<void> read_kind(std::string_view value, DockerMount& mount) {
  if (value == "bind")
    mount.kind = DockerMount::Kind::bind;
  else if (value == "cache")
    mount.kind = DockerMount::Kind::cache;
  else if (value == "tmpfs")
    mount.kind = DockerMount::Kind::tmpfs;
  else if (value == "secret")
    mount.kind = DockerMount::Kind::secret;
  else if (value == "ssh")
    return invalid("--mount=type=ssh: builds have no SSH keys here. Fetch over HTTPS, with a token "
                   "in a config var by --mount=type=secret,id=NAME");
  else
    return invalid("--mount: the type '" + std::string(value) +
                   "' is not known. There are bind, cache, tmpfs and secret");
  return {};
}

Result<void> read_option(std::string_view key, std::string_view value, DockerMount& mount) {
  if (key == "type") return read_kind(value, mount);
  if (key == "target" || key == "dst" || key == "destination") {
    mount.target = value;
  } else if (key == "source" || key == "src") {
    mount.source = value;
  } else if (key == "from") {
    mount.from = value;
  } else if (key == "id") {
    mount.id = value;
  } else if (key == "env") {
    mount.variable = value;
  } else if (key == "rw" || key == "readwrite") {
    BERTH_ASSIGN(mount.writable, truth(key, value));
  } else if (key == "ro" || key == "readonly") {
    BERTH_ASSIGN(const bool readonly, truth(key, value));
    mount.writable = !readonly;
  } else if (key == "required") {
    BERTH_ASSIGN(mount.required, truth(key, value));
  } else if (key == "uid") {
    BERTH_ASSIGN(mount.uid, number("--mount: uid", value, 10));
  } else if (key == "gid") {
    BERTH_ASSIGN(mount.gid, number("--mount: gid", value, 10));
  } else if (key == "mode") {
    BERTH_ASSIGN(mount.mode, number("--mount: mode", value, 8));
  } else if (key != "sharing" && key != "size") {  // one build of an app runs at a time
    return invalid("--mount: '" + std::string(key.substr(0, 60)) + "' is not known");
  }
  return {};
}

}  // namespace

Result<std::uint32_t> parse_octal_mode(std::string_view text) {
  BERTH_ASSIGN(const std::uint32_t mode, number("--chmod", text, 8));
  if (mode > 07777) return invalid("--chmod '" + std::string(text) + "' is no octal mode");
  return mode;
}

Result<DockerMount> parse_docker_mount(std::string_view text) {
  DockerMount mount;
  bool said = false;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view option = text.substr(0, comma);
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
    if (option.empty()) continue;
    const auto equals = option.find('=');
    const std::string_view key = option.substr(0, equals);
    said = said || key == "rw" || key == "ro" || key == "readwrite" || key == "readonly";
    BERTH_TRY(read_option(key, equals == option.npos ? "" : option.substr(equals + 1), mount));
  }
  using Kind = DockerMount::Kind;
  if (mount.kind == Kind::secret) {
    if (mount.id.empty()) mount.id = mount.target.substr(mount.target.rfind('/') + 1);
    if (mount.id.empty())
      return invalid("--mount=type=secret needs an id: the config var that it shows");
    if (mount.target.empty() && mount.variable.empty()) mount.target = "/run/secrets/" + mount.id;
    return mount;
  }
  if (mount.target.empty())
    return invalid("--mount needs a target, such as --mount=type=cache,target=/root/.npm");
  if (mount.kind == Kind::cache && mount.id.empty()) mount.id = mount.target;
  if (!said) mount.writable = mount.kind != Kind::bind;
  return mount;
}

}  // namespace berth::builder
