// SPDX-License-Identifier: Apache-2.0
#include "platform/size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "platform/units.hpp"

namespace berth::platform {

namespace {

constexpr std::uint64_t mib = 1ULL << 20;
constexpr std::uint64_t least_memory = 16 * mib;
constexpr std::uint64_t least_disk = mib;
constexpr std::uint64_t most_network_rate = 3ULL << 30;
constexpr std::uint64_t most_bytes = 64ULL << 40;
constexpr std::size_t longest_text = 80;

struct HerokuSize {
  std::string_view name;
  std::uint64_t memory_mib;
  std::uint64_t cpu_milli;
};
/// Their memory, and processors that stand in the same relation to each other.
constexpr std::array<HerokuSize, 12> heroku_sizes = {{{"free", 512, 1000},
                                                      {"eco", 512, 1000},
                                                      {"hobby", 512, 1000},
                                                      {"basic", 512, 1000},
                                                      {"standard-1x", 512, 1000},
                                                      {"standard-2x", 1024, 2000},
                                                      {"performance-m", 2560, 2000},
                                                      {"performance-l", 14336, 8000},
                                                      {"performance-l-ram", 30720, 4000},
                                                      {"performance-xl", 63488, 8000},
                                                      {"performance-2xl", 129024, 16000},
                                                      {"private-s", 1024, 2000}}};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

std::optional<std::uint64_t> whole(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

/// "512m", "512mb", "512mib", "1g", "1t"; lower case.
std::optional<std::uint64_t> memory(std::string_view text) {
  if (!take_suffix(text, "ib")) (void)take_suffix(text, "b");
  const std::string_view units = "mgt";
  const auto unit = text.empty() ? units.npos : units.find(text.back());
  if (unit == units.npos) return std::nullopt;
  text.remove_suffix(1);
  const auto number = whole(text);
  const std::uint64_t factor = mib << (10 * unit);
  if (!number || *number > most_bytes / factor) return std::nullopt;
  return *number * factor;
}

std::string memory_text(std::uint64_t bytes) {
  const std::uint64_t in_mib = bytes / mib;
  return in_mib % 1024 == 0 ? fmt::format("{}g", in_mib / 1024) : fmt::format("{}m", in_mib);
}

std::string cores(std::uint64_t milli) {
  return fmt::format("{:g}", static_cast<double>(milli) / 1000);
}

/// Which parts were said, to refuse one that comes twice and to name the size.
struct Said {
  std::optional<std::uint64_t> memory;
  std::optional<std::uint64_t> cpu;
  std::optional<std::uint64_t> pids;
  std::optional<std::uint64_t> disk;
  std::optional<std::uint64_t> disk_rate;
  std::optional<std::uint64_t> network_rate;
};

bool read_part(std::string_view part, Said& said) {
  const auto set = [](std::optional<std::uint64_t>& to, std::optional<std::uint64_t> value) {
    if (to || !value) return false;
    to = value;
    return true;
  };
  if (take_suffix(part, "cpus") || take_suffix(part, "cpu")) {
    const auto milli = parse_milli_cpu(part);
    return set(said.cpu, milli.has_error() ? std::nullopt : std::optional(*milli));
  }
  if (take_suffix(part, "pids")) return set(said.pids, whole(part));
  if (take_suffix(part, "disk")) return set(said.disk, memory(part));
  if (take_suffix(part, "io")) return set(said.disk_rate, memory(part));
  if (take_suffix(part, "net")) return set(said.network_rate, memory(part));
  return set(said.memory, memory(part));
}

std::optional<Size> read_limits(std::string_view text, SizeClass limits) {
  Said said;
  for (;;) {
    const auto slash = text.find('/');
    if (!read_part(text.substr(0, slash), said)) return std::nullopt;
    if (slash == text.npos) break;
    text.remove_prefix(slash + 1);
  }
  Size size;
  const auto name = [&size](const std::string& part) {
    size.name += (size.name.empty() ? "" : "/") + part;
  };
  if (said.memory) name(memory_text(limits.memory_bytes = *said.memory));
  if (said.cpu) name(cores(limits.cpu_milli = *said.cpu) + "cpu");
  if (said.pids) name(std::to_string(limits.pids = *said.pids) + "pids");
  if (said.disk) name(memory_text(limits.disk_bytes = *said.disk) + "disk");
  if (said.disk_rate) name(memory_text(limits.disk_rate = *said.disk_rate) + "io");
  if (said.network_rate) name(memory_text(limits.network_rate = *said.network_rate) + "net");
  size.limits = limits;
  return size;
}

Result<void> check(const Size& size) {
  const SizeClass& limits = size.limits;
  const auto refuse = [&](std::string_view what) -> Result<void> {
    return Error{ErrorKind::invalid, "the size '" + size.name + "' " + std::string(what)};
  };
  if (limits.memory_bytes < least_memory) return refuse("has less than 16m of memory");
  if (limits.cpu_milli < 10) return refuse("has less than 0.01cpu");
  if (limits.pids < 4 || limits.pids > 4'000'000) return refuse("must have 4pids to 4000000pids");
  if (limits.disk_bytes < least_disk) return refuse("has less than 1mdisk");
  if (limits.network_rate > most_network_rate) return refuse("has more than 3gnet");
  return {};
}

}  // namespace

Result<Size> parse_size(std::string_view text, const SizeClasses& classes) {
  const std::string wanted = lower(text.substr(0, longest_text));
  for (const auto& [name, limits] : classes)
    if (lower(name) == wanted) return Size{name, limits};
  const auto standard = classes.find(std::string(standard_size));
  SizeClass limits = standard == classes.end() ? SizeClass{} : standard->second;
  for (const HerokuSize& known : heroku_sizes) {
    if (known.name != wanted) continue;
    limits.memory_bytes = known.memory_mib * mib;
    limits.cpu_milli = known.cpu_milli;
    return Size{wanted, limits};
  }
  if (auto size = read_limits(wanted, limits)) {
    BERTH_TRY(check(*size));
    return std::move(*size);
  }
  std::string known;
  for (const auto& [name, unused] : classes) known += (known.empty() ? "" : ", ") + name;
  return Error{ErrorKind::invalid, "there is no size '" + std::string(text.substr(0, 40)) +
                                       "'. There is: " + known +
                                       "; Heroku's names such as standard-2x; or limits such as "
                                       "512m/0.5cpu"};
}

Size size_of(std::string_view name, const SizeClasses& classes) {
  auto size = parse_size(name, classes);
  if (size.has_error()) size = parse_size(standard_size, classes);
  return size.has_error() ? Size{std::string(standard_size), {}} : std::move(*size);
}

std::string describe(const SizeClass& limits) {
  return fmt::format("{} MB, {} CPU", limits.memory_bytes / mib, cores(limits.cpu_milli));
}

std::string twice_the_memory(std::uint64_t bytes) { return memory_text(bytes * 2); }

}  // namespace berth::platform
