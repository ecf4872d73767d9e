// SPDX-License-Identifier: Apache-2.0
#include "builder/buildpack.hpp"

#include <algorithm>
#include <charconv>

#include "base/json.hpp"
#include "builder/failure.hpp"
#include "builder/toml.hpp"

namespace berth::builder {

namespace {

Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

/// "0.12" → 12. Every minor of major 0 is a version of its own.
Result<unsigned> parse_api(std::string_view text) {
  unsigned minor = 0;
  const auto [end, failure] = std::from_chars(text.data() + std::min<std::size_t>(2, text.size()),
                                              text.data() + text.size(), minor);
  const bool whole =
      text.starts_with("0.") && failure == std::errc() && end == text.data() + text.size();
  if (!whole || minor < lowest_buildpack_api || minor > highest_buildpack_api)
    return with_code(
        invalid("buildpack API " + std::string(text) + " is not supported (0.7 to 0.12 are)"),
        LifecycleCode::buildpack_api);
  return minor;
}

bool valid_id(std::string_view id) {
  if (id.empty() || id.size() > 200 || id == "app" || id == "config" || id == "generated" ||
      id == "sbom" || id.front() == '/' || id.back() == '/' || id.find("..") != id.npos)
    return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '/' || c == '-';
  });
}

/// X.Y.Z without leading zeros.
Result<std::vector<unsigned long>> parse_version(std::string_view text) {
  std::vector<unsigned long> parts;
  std::string_view rest = text;
  for (;;) {
    const auto dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    unsigned long number = 0;
    const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (failure != std::errc() || end != part.data() + part.size() ||
        (part.size() > 1 && part[0] == '0'))
      return invalid("'" + std::string(text) + "' is not a version of the form X.Y.Z");
    parts.push_back(number);
    if (dot == rest.npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (parts.size() != 3)
    return invalid("'" + std::string(text) + "' is not a version of the form X.Y.Z");
  return parts;
}

/// A list of strings, or of tables with a name: specification and reference differ (1.2).
std::vector<std::string> names_of(const json::object& object, std::string_view key) {
  std::vector<std::string> names;
  if (const json::array* array = optional_array(object, key))
    for (const auto& entry : *array) {
      if (entry.is_string()) names.emplace_back(entry.get_string());
      if (entry.is_object())
        if (auto name = optional_string(entry.get_object(), "name")) names.push_back(*name);
    }
  return names;
}

Result<OrderGroup> group_of(const json::array& members) {
  OrderGroup group;
  for (const auto& member : members) {
    if (!member.is_object()) return invalid("a member of a group is not a table");
    const json::object& entry = member.get_object();
    BERTH_ASSIGN(std::string id, require_string(entry, "id"));
    if (!valid_id(id)) return invalid("'" + id + "' is not a buildpack id");
    group.push_back({.id = std::move(id),
                     .version = optional_string(entry, "version").value_or(""),
                     .optional = optional_bool(entry, "optional").value_or(false),
                     .exec_env = names_of(entry, "exec-env")});
  }
  return group;
}

Result<Order> order_of(const json::object& object) {
  Order order;
  const json::array* groups = optional_array(object, "order");
  if (!groups) return order;
  for (const auto& value : *groups) {
    const json::array* members =
        value.is_object() ? optional_array(value.get_object(), "group") : nullptr;
    if (!members) return invalid("an [[order]] without [[order.group]]");
    BERTH_ASSIGN(OrderGroup group, group_of(*members));
    order.push_back(std::move(group));
  }
  return order;
}

void add_targets(const json::object& object, std::vector<Target>& targets) {
  if (const json::array* array = optional_array(object, "targets"))
    for (const auto& value : *array) {
      if (!value.is_object()) continue;
      const json::object& entry = value.get_object();
      Target target{.os = optional_string(entry, "os").value_or(""),
                    .arch = optional_string(entry, "arch").value_or(""),
                    .variant = optional_string(entry, "variant")
                                   .value_or(optional_string(entry, "arch-variant").value_or("")),
                    .distro_name = "",
                    .distro_version = ""};
      const json::array* distros = optional_array(entry, "distros");
      if (!distros || distros->empty()) targets.push_back(target);
      for (std::size_t i = 0; distros && i < distros->size(); ++i) {
        if (!(*distros)[i].is_object()) continue;
        target.distro_name = optional_string((*distros)[i].get_object(), "name").value_or("");
        target.distro_version = optional_string((*distros)[i].get_object(), "version").value_or("");
        targets.push_back(target);
      }
    }
  // Deprecated since 0.10, still common in the wild.
  if (const json::array* stacks = optional_array(object, "stacks"))
    for (const auto& value : *stacks) {
      const auto id = value.is_object() ? optional_string(value.get_object(), "id") : std::nullopt;
      if (id == "*") targets.push_back({});
      if (id == "io.buildpacks.stacks.bionic")
        targets.push_back({"linux", "amd64", "", "ubuntu", "18.04"});
    }
}

}  // namespace

Result<Buildpack> parse_buildpack(std::string_view text) {
  BERTH_ASSIGN(const json::object document, parse_toml(text));
  Buildpack result;
  BERTH_ASSIGN(const std::string api, require_string(document, "api"));
  BERTH_ASSIGN(result.api, parse_api(api));
  const json::object* buildpack = optional_object(document, "buildpack");
  if (!buildpack) return invalid("there is no [buildpack]");
  BERTH_ASSIGN(result.id, with_context(require_string(*buildpack, "id"), "[buildpack]"));
  if (!valid_id(result.id)) return invalid("'" + result.id + "' is not a buildpack id");
  BERTH_ASSIGN(result.version, with_context(require_string(*buildpack, "version"), "[buildpack]"));
  BERTH_TRY(parse_version(result.version));
  result.name = optional_string(*buildpack, "name").value_or(result.id);
  result.homepage = optional_string(*buildpack, "homepage").value_or("");
  result.description = optional_string(*buildpack, "description").value_or("");
  result.clear_env = optional_bool(*buildpack, "clear-env").value_or(false);
  result.exec_env = names_of(*buildpack, "exec-env");
  result.sbom_formats = names_of(*buildpack, "sbom-formats");
  BERTH_ASSIGN(result.order, order_of(document));
  add_targets(document, result.targets);
  return result;
}

Result<Order> parse_order(std::string_view text) {
  BERTH_ASSIGN(const json::object document, parse_toml(text));
  // Their Dockerfiles would change the base images; to ignore them would build something else.
  if (document.contains("order-extensions"))
    return invalid("image extensions are not supported: remove [[order-extensions]]");
  BERTH_ASSIGN(Order order, order_of(document));
  if (order.empty()) return invalid("there is no [[order]]");
  return order;
}

Result<Surrounding> parse_system(std::string_view text) {
  BERTH_ASSIGN(const json::object document, parse_toml(text));
  Surrounding result;
  const json::object* system = optional_object(document, "system");
  if (!system) return invalid("there is no [system]");
  const auto read = [&](std::string_view key, OrderGroup& group) -> Result<void> {
    const json::object* part = optional_object(*system, key);
    const json::array* members = part ? optional_array(*part, "buildpacks") : nullptr;
    if (!members) return {};
    BERTH_ASSIGN(group, with_context(group_of(*members), "[system." + std::string(key) + "]"));
    return {};
  };
  BERTH_TRY(read("pre", result.before));
  BERTH_TRY(read("post", result.after));
  return result;
}

Order surround(Order order, const Surrounding& with) {
  for (auto& group : order) {
    const auto has = [&](const BuildpackRef& ref) {
      return std::any_of(group.begin(), group.end(),
                         [&](const BuildpackRef& member) { return member.id == ref.id; });
    };
    OrderGroup before;
    std::copy_if(with.before.begin(), with.before.end(), std::back_inserter(before),
                 [&](const BuildpackRef& ref) { return !has(ref); });
    group.insert(group.begin(), before.begin(), before.end());
    for (const auto& ref : with.after)
      if (!has(ref)) group.push_back(ref);
  }
  return order;
}

std::string escape_id(std::string_view id) {
  std::string result(id);
  std::replace(result.begin(), result.end(), '/', '_');
  return result;
}

bool matches(const Buildpack& buildpack, const Target& base) {
  const auto same = [](const std::string& wanted, const std::string& there) {
    return wanted.empty() || there.empty() || wanted == there;
  };
  if (buildpack.targets.empty()) return base.os.empty() || base.os == "linux";
  return std::any_of(buildpack.targets.begin(), buildpack.targets.end(), [&](const Target& target) {
    if (!same(target.os, base.os) || !same(target.arch, base.arch) ||
        !same(target.variant, base.variant))
      return false;
    if (target.distro_name.empty() && target.distro_version.empty()) return true;
    if (base.distro_name.empty()) return false;
    return same(target.distro_name, base.distro_name) &&
           same(target.distro_version, base.distro_version);
  });
}

bool for_environment(const std::vector<std::string>& exec_env, std::string_view environment) {
  return exec_env.empty() || std::any_of(exec_env.begin(), exec_env.end(), [&](const auto& name) {
           return name == "*" || name == environment;
         });
}

void BuildpackSet::add(Buildpack buildpack) {
  const auto version = parse_version(buildpack.version);
  BERTH_ASSERT(version.has_value());
  const std::string id = buildpack.id;
  by_id_[id].insert_or_assign(*version, std::move(buildpack));
}

const Buildpack* BuildpackSet::find(const BuildpackRef& ref) const {
  const auto versions = by_id_.find(ref.id);
  if (versions == by_id_.end()) return nullptr;
  if (ref.version.empty()) return &versions->second.rbegin()->second;
  const auto version = parse_version(ref.version);
  if (version.has_error()) return nullptr;
  const auto found = versions->second.find(*version);
  return found == versions->second.end() ? nullptr : &found->second;
}

std::vector<const Buildpack*> BuildpackSet::all() const {
  std::vector<const Buildpack*> result;
  for (const auto& [id, versions] : by_id_)
    for (const auto& [version, buildpack] : versions) result.push_back(&buildpack);
  return result;
}

}  // namespace berth::builder
