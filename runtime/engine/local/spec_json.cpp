// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/spec_json.hpp"

#include "base/json.hpp"
#include "platform/config.hpp"

namespace berth::runtime {

namespace {

json::array array_of(const std::vector<std::string>& list) {
  json::array result;
  for (const auto& text : list) result.emplace_back(text);
  return result;
}

std::vector<std::string> strings_of(const json::object& object, std::string_view key) {
  std::vector<std::string> result;
  if (const auto* list = optional_array(object, key))
    for (const auto& entry : *list)
      if (entry.is_string()) result.emplace_back(entry.get_string());
  return result;
}

json::array json_of(const std::vector<ReplicaVolume>& volumes) {
  json::array result;
  for (const ReplicaVolume& volume : volumes)
    result.push_back(json::object{{"id", volume.id},
                                  {"name", volume.name},
                                  {"target", volume.target},
                                  {"shared", volume.shared}});
  return result;
}

/// None in what an earlier version wrote.
std::vector<ReplicaVolume> volumes_of(const json::object& object) {
  std::vector<ReplicaVolume> result;
  if (const auto* list = optional_array(object, "volumes"))
    for (const auto& entry : *list)
      if (const auto* volume = entry.if_object())
        result.push_back({.id = optional_string(*volume, "id").value_or(""),
                          .name = optional_string(*volume, "name").value_or(""),
                          .target = optional_string(*volume, "target").value_or(""),
                          .shared = optional_bool(*volume, "shared").value_or(false)});
  return result;
}

json::object json_of(const Limits& limits) {
  return {{"memory_bytes", limits.memory_bytes},
          {"memory_high_bytes", limits.memory_high_bytes},
          {"cpu_milli", limits.cpu_milli},
          {"cpu_weight", limits.cpu_weight},
          {"pids", limits.pids},
          {"disk_bytes", limits.disk_bytes},
          {"disk_rate", limits.disk_rate},
          {"network_rate", limits.network_rate}};
}

Result<Limits> limits_of(const json::object& object) {
  Limits limits;
  const auto take = [&](const char* key, std::uint64_t& to) -> Result<void> {
    BERTH_ASSIGN(const auto value, require_int(object, key));
    to = static_cast<std::uint64_t>(value);
    return {};
  };
  BERTH_TRY(take("memory_bytes", limits.memory_bytes));
  // Absent in what an earlier version wrote.
  for (const auto& [key, to] : {std::pair{"memory_high_bytes", &limits.memory_high_bytes},
                                std::pair{"disk_rate", &limits.disk_rate},
                                std::pair{"network_rate", &limits.network_rate}})
    *to = static_cast<std::uint64_t>(optional_int(object, key).value_or(0));
  BERTH_TRY(take("cpu_milli", limits.cpu_milli));
  BERTH_TRY(take("cpu_weight", limits.cpu_weight));
  BERTH_TRY(take("pids", limits.pids));
  BERTH_TRY(take("disk_bytes", limits.disk_bytes));
  return limits;
}

}  // namespace

std::string to_json(const ReplicaNote& note, bool with_environment) {
  const ReplicaSpec& spec = note.spec;
  std::vector<std::string> layers(spec.root_layers.begin(), spec.root_layers.end());
  json::object env;
  if (with_environment)
    for (const auto& [name, value] : spec.env) env[name] = value;
  return to_text(json::object{
      {"id", spec.id.value},
      {"app_id", spec.app_id},
      {"app", spec.app},
      {"process_type", spec.process_type},
      {"name", spec.name},
      {"release", spec.release},
      {"root_layers", array_of(layers)},
      {"argv", array_of(spec.argv)},
      {"env", std::move(env)},
      {"working_directory", spec.working_directory},
      {"uid", spec.uid},
      {"gid", spec.gid},
      {"uid_base", spec.uid_base},
      {"size", spec.size},
      {"pool", spec.pool},
      {"placement", spec.placement},
      {"oci", spec.oci},
      {"limits", json_of(spec.limits)},
      {"volumes", json_of(spec.volumes)},
      {"port", spec.port},
      {"boot_timeout_ms", spec.boot_timeout.count()},
      {"log_directory", spec.log_directory.string()},
      {"terminal", spec.terminal},
      {"attach_stdin", spec.attach_stdin},
      {"columns", spec.columns},
      {"rows", spec.rows},
      {"veth", note.member.veth},
      {"address", note.member.address},
      {"maker", name_of(note.maker)},
      {"address6", note.member.address6 ? note.member.address6->text() : std::string()},
  });
}

Result<ReplicaNote> parse_replica_note(std::string_view text) {
  BERTH_ASSIGN(const json::object object, parse_json_object(text));
  ReplicaNote note;
  ReplicaSpec& spec = note.spec;
  const auto take_text = [&](const char* key, std::string& to) -> Result<void> {
    BERTH_ASSIGN(to, require_string(object, key));
    return {};
  };
  const auto take_number = [&](const char* key, auto& to) -> Result<void> {
    BERTH_ASSIGN(const auto value, require_int(object, key));
    to = static_cast<std::remove_reference_t<decltype(to)>>(value);
    return {};
  };
  BERTH_TRY(take_text("id", spec.id.value));
  BERTH_TRY(take_text("app_id", spec.app_id));
  BERTH_TRY(take_text("app", spec.app));
  BERTH_TRY(take_text("process_type", spec.process_type));
  BERTH_TRY(take_text("name", spec.name));
  BERTH_TRY(take_text("working_directory", spec.working_directory));
  BERTH_TRY(take_text("veth", note.member.veth));
  BERTH_TRY(take_number("address", note.member.address));
  BERTH_TRY(take_number("release", spec.release));
  BERTH_TRY(take_number("uid", spec.uid));
  BERTH_TRY(take_number("gid", spec.gid));
  BERTH_TRY(take_number("uid_base", spec.uid_base));
  BERTH_TRY(take_number("port", spec.port));
  BERTH_TRY(take_number("columns", spec.columns));
  BERTH_TRY(take_number("rows", spec.rows));
  BERTH_ASSIGN(const auto boot_ms, require_int(object, "boot_timeout_ms"));
  spec.boot_timeout = std::chrono::milliseconds(boot_ms);
  BERTH_ASSIGN(const std::string log_directory, require_string(object, "log_directory"));
  spec.log_directory = log_directory;
  for (const auto& [key, to] :
       {std::pair{"size", &spec.size}, std::pair{"placement", &spec.placement},
        std::pair{"oci", &spec.oci}})
    *to = optional_string(object, key).value_or("");
  spec.pool = optional_string(object, "pool").value_or(std::string(platform::default_pool));
  note.member.address6 = IpAddress::parse(optional_string(object, "address6").value_or(""));
  spec.terminal = optional_bool(object, "terminal").value_or(false);
  spec.attach_stdin = optional_bool(object, "attach_stdin").value_or(false);
  for (auto& layer : strings_of(object, "root_layers")) spec.root_layers.emplace_back(layer);
  spec.argv = strings_of(object, "argv");
  if (const auto* env = optional_object(object, "env"))
    for (const auto& entry : *env)
      if (entry.value().is_string())
        spec.env[std::string(entry.key())] = std::string(entry.value().get_string());
  note.maker = maker_named(optional_string(object, "maker").value_or("")).value_or(Maker::native);
  const auto* limits = optional_object(object, "limits");
  if (!limits) return Error{ErrorKind::invalid, "'limits' is required"};
  BERTH_ASSIGN(spec.limits, limits_of(*limits));
  spec.volumes = volumes_of(object);
  return note;
}

}  // namespace berth::runtime
