// SPDX-License-Identifier: Apache-2.0
#include "platform/volume.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "platform/names.hpp"
#include "platform/process_type.hpp"

namespace berth::platform {

namespace {

constexpr std::size_t most_mounts = 16;
constexpr std::size_t most_volumes = 32;
constexpr std::size_t longest_path = 200;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string quoted(std::string_view text) {
  std::string shown(text.substr(0, 60));
  std::ranges::replace_if(shown, [](char c) { return c >= 0 && c < 32; }, '?');
  return "'" + shown + (text.size() > 60 ? "…'" : "'");
}

Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

/// What an image, the kernel or the platform has there: a volume would hide it.
constexpr std::array taken_trees = {"/bin",  "/boot", "/cnb", "/dev", "/etc",  "/layers",
                                    "/lib",  "/lib32", "/lib64", "/proc", "/run", "/sbin",
                                    "/sys",  "/tmp",  "/usr"};
/// Of these only what is below them may be a volume.
constexpr std::array taken_roots = {"/app", "/home", "/mnt", "/opt", "/root", "/srv", "/var",
                                    "/var/run", "/var/lib", "/var/tmp"};

/// Whether `path` is `tree` or lies in it.
bool is_in(std::string_view path, std::string_view tree) {
  return path.starts_with(tree) && (path.size() == tree.size() || path[tree.size()] == '/');
}

Result<void> check_path(std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return invalid("the mount path " + quoted(path) + " " + std::string(why) +
                   ". Use an absolute path of its own, for example /data");
  };
  if (path.empty() || path.front() != '/') return refuse("is not absolute");
  if (path.size() > longest_path) return refuse("is longer than 200 characters");
  if (path == "/") return refuse("is the root of the container");
  const bool plain = std::ranges::all_of(path, [](char c) {
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '/' || c == '.' ||
           c == '_' || c == '-';
  });
  if (!plain) return refuse("has a character other than letters, digits and ._-/");
  for (std::string_view rest = path.substr(1);;) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    if (part.empty() || part == "." || part == "..")
      return refuse("has an empty part, '.' or '..'");
    if (part.size() == rest.size()) break;
    rest.remove_prefix(part.size() + 1);
  }
  for (const std::string_view tree : taken_trees)
    if (is_in(path, tree)) return refuse("lies in " + std::string(tree) + ", which is not free");
  for (const std::string_view root : taken_roots)
    if (path == root)
      return refuse("is a directory of the image or the platform; a directory below it is free");
  return {};
}

/// A mount must not hide another, nor lie in it.
Result<void> check_apart(const VolumeMount& one, const VolumeMount& other,
                         std::string_view of_other) {
  if (one.type != other.type || (!is_in(one.path, other.path) && !is_in(other.path, one.path)))
    return {};
  return invalid("the mount " + one.type + ":" + one.path + " meets " + other.type + ":" +
                 other.path + std::string(of_other) +
                 ": one would hide the other. Use a path apart");
}

Result<void> check_exclusive(const NewVolume& volume) {
  if (volume.mounts.size() > 1)
    return invalid("the volume " + volume.name +
                   " has several mounts, but only one replica at a time may have it. Say --shared "
                   "if what runs there can write at the same time, or give it one mount");
  const std::string& type = volume.mounts.front().type;
  if (type == one_off_process || type == release_process)
    return invalid("'" + type +
                   "' runs beside the app's replicas, so it can have shared volumes only. Say "
                   "--shared, or look into a replica that runs: berth ps:exec");
  return {};
}

}  // namespace

Result<std::vector<VolumeMount>> parse_volume_mounts(std::string_view text) {
  std::vector<VolumeMount> mounts;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const auto colon = word.find(':');
    if (colon == word.npos || colon == 0)
      return invalid("the mount " + quoted(word) +
                     " is not a process type and a path, for example web:/data");
    mounts.push_back({std::string(word.substr(0, colon)), std::string(word.substr(colon + 1))});
  }
  return mounts;
}

std::string volume_mounts_text(const std::vector<VolumeMount>& mounts) {
  std::string text;
  for (const VolumeMount& mount : mounts)
    text += (text.empty() ? "" : ",") + mount.type + ":" + mount.path;
  return text;
}

Result<void> check_volume_size(std::uint64_t bytes) {
  if (bytes < least_volume_bytes || bytes > most_volume_bytes)
    return invalid("a volume has 32 MiB to 4 TiB" +
                   (bytes > most_volume_bytes ? "" : ", not " + bytes_text(bytes)) +
                   ". Say for example --size 1GiB");
  return {};
}

Result<std::uint64_t> parse_volume_size(std::string_view text) {
  std::uint64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  std::string unit(end, text.data() + text.size());
  std::ranges::transform(unit, unit.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (unit.ends_with("ib")) unit.resize(unit.size() - 2);
  else if (unit.ends_with('b')) unit.pop_back();
  constexpr std::string_view units = "kmgt";
  const auto step = unit.size() == 1 ? units.find(unit.front()) : std::string_view::npos;
  if (failure != std::errc() || step == std::string_view::npos || count > most_volume_bytes >> 10)
    return invalid("the size " + quoted(text) +
                   " is not a number and a unit, for example 500m, 1g or 20GiB");
  const std::uint64_t factor = std::uint64_t{1} << (10 * (step + 1));
  if (count > most_volume_bytes / factor) return check_volume_size(most_volume_bytes + 1).error();
  BERTH_TRY(check_volume_size(count * factor));
  return count * factor;
}

Result<void> check_volume(const NewVolume& volume) {
  const std::string& name = volume.name;
  bool legal = !name.empty() && name.size() <= 30 && is_lower(name.front()) && name.back() != '-';
  for (const char c : name) legal = legal && (is_lower(c) || is_digit(c) || c == '-');
  if (!legal)
    return invalid("the volume name " + quoted(name) +
                   " is not valid: use 1 to 30 lower-case letters, digits and dashes, starting "
                   "with a letter, for example 'data'");
  BERTH_TRY(check_volume_size(volume.size_bytes));
  if (volume.mounts.empty())
    return invalid("say where the volume is to be, for example --mount web:/data");
  if (volume.mounts.size() > most_mounts) return invalid("a volume has 16 mounts at most");
  for (auto mount = volume.mounts.begin(); mount != volume.mounts.end(); ++mount) {
    BERTH_TRY(ProcessTypeName::parse(mount->type));
    BERTH_TRY(check_path(mount->path));
    for (auto before = volume.mounts.begin(); before != mount; ++before) {
      if (before->type == mount->type)
        return invalid("the volume has two mounts in '" + mount->type +
                       "'. One is enough: the same files would be there twice");
    }
  }
  return volume.shared ? Result<void>() : check_exclusive(volume);
}

Result<void> check_volume_beside(const NewVolume& volume, const std::vector<Volume>& others) {
  if (others.size() >= most_volumes)
    return Error{ErrorKind::limit, "the app has 32 volumes, which is the most. Destroy one that is "
                                   "not needed: berth volumes"};
  for (const Volume& other : others) {
    if (other.name == volume.name)
      return Error{ErrorKind::conflict, "the app has a volume '" + volume.name +
                                            "' already. `berth volumes` lists them"};
    for (const VolumeMount& mount : volume.mounts)
      for (const VolumeMount& taken : other.mounts)
        BERTH_TRY(check_apart(mount, taken, " of the volume " + other.name));
  }
  return {};
}

Result<std::int64_t> parse_snapshot_name(std::string_view text) {
  const std::string_view digits = text.starts_with('s') ? text.substr(1) : text;
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failure != std::errc() || end != digits.data() + digits.size() || number < 1)
    return Error{ErrorKind::not_found, "no snapshot is named " + quoted(text) +
                                           "; a snapshot is s1, s2 and so on. "
                                           "`berth volumes:snapshots` lists them"};
  return number;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array units = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (unit + 1 < units.size() && bytes > 0 && bytes % 1024 == 0) bytes /= 1024, ++unit;
  return std::to_string(bytes) + " " + units[unit];
}

std::vector<Volume> volumes_of(const std::vector<Volume>& all, std::string_view type) {
  std::vector<Volume> result;
  for (const Volume& volume : all)
    if (std::ranges::find(volume.mounts, type, &VolumeMount::type) != volume.mounts.end())
      result.push_back(volume);
  return result;
}

}  // namespace berth::platform
