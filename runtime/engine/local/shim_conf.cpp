// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim_conf.hpp"

#include <charconv>
#include <concepts>

namespace berth::runtime {

namespace {

/// Visits every scalar field with its key; writing and parsing share it, so they cannot disagree.
template <class Conf, class Visit>
void visit_fields(Conf& conf, Visit visit) {
  visit("id", conf.id);
  visit("stage", conf.stage);
  visit("maker", conf.maker);
  visit("oci_runtime", conf.oci_runtime);
  visit("unified", conf.unified);
  visit("uid_base", conf.uid_base);
  visit("hostname", conf.hostname);
  visit("uid", conf.uid);
  visit("gid", conf.gid);
  visit("capabilities", conf.capabilities);
  visit("open_files", conf.open_files);
  visit("oom_score_adjust", conf.oom_score_adjust);
  visit("tmp_bytes", conf.tmp_bytes);
  visit("shm_bytes", conf.shm_bytes);
  visit("oom_events", conf.oom_events);
  visit("veth", conf.veth);
  visit("bridge", conf.bridge);
  visit("address", conf.address);
  visit("gateway", conf.gateway);
  visit("address6", conf.address6);
  visit("gateway6", conf.gateway6);
  visit("mtu", conf.mtu);
  visit("network_rate", conf.network_rate);
  visit("log_file", conf.log_file);
  visit("log_source", conf.log_source);
  visit("log_lines_per_second", conf.log_lines_per_second);
  visit("program", conf.program);
  visit("terminal", conf.terminal);
  visit("attach_stdin", conf.attach_stdin);
}

class LineWriter final {
 public:
  explicit LineWriter(std::string& text) : text_(text) {}
  void operator()(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    if (value.find('\n') != std::string_view::npos) ok = false;
    text_.append(key).append(" ").append(value).append("\n");
  }
  template <std::unsigned_integral Number>
    requires(!std::same_as<Number, bool>)
  void operator()(std::string_view key, Number value) {
    (*this)(key, std::string_view(std::to_string(value)));
  }
  void operator()(std::string_view key, bool value) {
    (*this)(key, std::string_view(value ? "1" : "0"));
  }
  void operator()(std::string_view key, Maker maker) { (*this)(key, name_of(maker)); }
  bool ok = true;

 private:
  std::string& text_;
};

bool read_value(std::string_view value, std::string& to) {
  to.assign(value);
  return true;
}
template <std::unsigned_integral Number>
  requires(!std::same_as<Number, bool>)
bool read_value(std::string_view value, Number& to) {
  const auto end = value.data() + value.size();
  const auto result = std::from_chars(value.data(), end, to);
  return result.ec == std::errc() && result.ptr == end;
}
bool read_value(std::string_view value, bool& to) {
  to = value == "1";
  return value == "1" || value == "0";
}
bool read_value(std::string_view value, Maker& to) {
  const auto maker = maker_named(value);
  to = maker.value_or(Maker::native);
  return maker.has_value();
}

bool read_mount_line(std::string_view key, std::string_view value, ShimMount& mount) {
  if (key == "target") return read_value(value, mount.target);
  if (key == "source") return read_value(value, mount.source);
  if (key == "device") return read_value(value, mount.device);
  if (key == "writable") return read_value(value, mount.writable);
  if (key == "upper") return read_value(value, mount.upper);
  if (key == "work") return read_value(value, mount.work);
  if (key != "lower") return false;
  mount.lowers.emplace_back(value);
  return true;
}

bool read_line(std::string_view key, std::string_view value, ShimConf& conf) {
  if (key == "cgroup") {
    conf.cgroups.emplace_back(value);
    return true;
  }
  if (key == "mount") {
    conf.mounts.emplace_back().name.assign(value);
    return true;
  }
  bool known = false;
  bool valid = false;
  visit_fields(conf, [&](std::string_view name, auto& field) {
    if (name != key) return;
    known = true;
    valid = read_value(value, field);
  });
  if (known) return valid;
  return !conf.mounts.empty() && read_mount_line(key, value, conf.mounts.back());
}

}  // namespace

bool write_shim_conf(const ShimConf& conf, std::string& text) {
  LineWriter write(text);
  visit_fields(conf, [&](std::string_view key, const auto& field) { write(key, field); });
  for (const auto& cgroup : conf.cgroups) write("cgroup", cgroup);
  for (const auto& mount : conf.mounts) {
    write("mount", mount.name);
    write("target", mount.target);
    write("source", mount.source);
    write("device", mount.device);
    write("writable", mount.writable);
    for (const auto& lower : mount.lowers) write("lower", lower);
    write("upper", mount.upper);
    write("work", mount.work);
  }
  return write.ok;
}

bool parse_shim_conf(std::string_view text, ShimConf& conf) {
  conf = {};
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return false;
    const std::string_view line = text.substr(0, end);
    const auto space = line.find(' ');
    if (space == std::string_view::npos) return false;
    if (!read_line(line.substr(0, space), line.substr(space + 1), conf)) return false;
    text.remove_prefix(end + 1);
  }
  return !conf.id.empty();
}

}  // namespace berth::runtime
