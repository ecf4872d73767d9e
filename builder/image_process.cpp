// SPDX-License-Identifier: Apache-2.0
#include "builder/image_process.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "builder/oci.hpp"

namespace berth::builder {

namespace {

constexpr std::uint64_t longest_user_file_bytes = 1 << 20;
constexpr std::string_view build_label = "io.buildpacks.build.metadata";

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

/// The lines of /etc/passwd or /etc/group, split at their colons.
std::vector<std::vector<std::string_view>> records_of(std::string_view text) {
  std::vector<std::vector<std::string_view>> records;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::vector<std::string_view> fields;
    for (;;) {
      const auto colon = line.find(':');
      fields.push_back(line.substr(0, colon));
      if (colon == line.npos) break;
      line.remove_prefix(colon + 1);
    }
    if (fields.size() >= 4) records.push_back(std::move(fields));
  }
  return records;
}

/// A file of the image, as the mounted layers would show it; "" if there is none.
Result<std::string> image_file(const std::vector<std::filesystem::path>& layers,
                               const std::string& path) {
  for (const auto& layer : layers) {
    BERTH_ASSIGN(const Fd root, open_file(layer, O_PATH | O_DIRECTORY));
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const long number = ::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how);
    struct stat status{};
    if (number < 0) {
      // A whiteout is a device that cannot be opened: the file is gone from here on.
      how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
      const Fd there(
          static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
      if (there && ::fstat(there.get(), &status) == 0 && S_ISCHR(status.st_mode))
        return std::string();
      continue;
    }
    const Fd fd(static_cast<int>(number));
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::string();
    return read_file("/proc/self/fd/" + std::to_string(fd.get()), longest_user_file_bytes);
  }
  return std::string();
}

bool is_number(std::string_view text) { return number_of(text).has_value(); }

}  // namespace

bool has_launcher(const Image& image) { return image.labels.contains(std::string(build_label)); }

std::map<std::string, std::vector<std::string>> image_processes(const Image& image) {
  std::map<std::string, std::vector<std::string>> result;
  std::vector<std::string> web = image.entrypoint;
  web.insert(web.end(), image.command.begin(), image.command.end());
  if (!web.empty()) result["web"] = std::move(web);
  const auto label = image.labels.find(std::string(processes_label));
  if (label == image.labels.end()) return result;
  const auto named = parse_json_object(label->second);
  if (named.has_error()) return result;
  for (const auto& [type, value] : *named) {
    std::vector<std::string> arguments;
    if (value.is_array())
      for (const auto& word : value.get_array())
        if (word.is_string()) arguments.emplace_back(word.get_string());
    if (!arguments.empty()) result[std::string(type)] = std::move(arguments);
  }
  return result;
}

std::map<std::string, std::string> other_images(const Image& image) {
  std::map<std::string, std::string> result;
  const auto label = image.labels.find(std::string(images_label));
  if (label == image.labels.end()) return result;
  const auto named = parse_json_object(label->second);
  if (named.has_error()) return result;
  for (const auto& [type, digest] : *named)
    if (digest.is_string() && is_digest(std::string_view(digest.get_string())))
      result[std::string(type)] = digest.get_string();
  return result;
}

std::vector<std::string> one_off_arguments(const Image& image, const std::string& command) {
  if (has_launcher(image)) return {"/cnb/lifecycle/launcher", "--", "bash", "-c", command};
  return {"/bin/sh", "-c", command};
}

int image_port(const Image& image, int otherwise) {
  std::vector<int> ports;
  for (std::string_view text : image.exposed_ports) {
    const auto slash = text.find('/');
    if (slash != text.npos && text.substr(slash) != "/tcp") continue;
    if (const auto number = number_of(text.substr(0, slash));
        number && *number > 0 && *number < 65'536)
      ports.push_back(static_cast<int>(*number));
  }
  return ports.size() == 1 ? ports.front() : otherwise;
}

Result<ImageUser> find_image_user(std::string_view user, std::string_view passwd,
                                  std::string_view group) {
  const auto colon = user.find(':');
  std::string_view name = user.substr(0, colon);
  const std::string_view group_name = colon == user.npos ? "" : user.substr(colon + 1);
  if (name.empty()) name = "0";
  ImageUser result;
  bool known = false;
  const auto number = number_of(name);
  for (const auto& fields : records_of(passwd)) {
    const auto uid = number_of(fields[2]);
    const auto gid = number_of(fields[3]);
    if (!uid || !gid || (number ? *uid != *number : fields[0] != name)) continue;
    result = {.uid = *uid, .gid = *gid};
    if (fields.size() > 5 && fields[5].starts_with('/')) result.home = fields[5];
    known = true;
    break;
  }
  if (!known && !number)
    return Error{ErrorKind::invalid, "the image runs as the user '" + std::string(name) +
                                         "', and its /etc/passwd knows no such user"};
  // As docker has it: a number without a line belongs to group 0.
  if (!known) result.uid = *number;
  if (group_name.empty()) return result;
  if (const auto gid = number_of(group_name)) {
    result.gid = *gid;
    return result;
  }
  for (const auto& fields : records_of(group))
    if (const auto gid = number_of(fields[2]); fields[0] == group_name && gid) {
      result.gid = *gid;
      return result;
    }
  return Error{ErrorKind::invalid, "the image runs in the group '" + std::string(group_name) +
                                       "', and its /etc/group knows no such group"};
}

Result<ImageUser> image_user(const Image& image, const std::vector<std::filesystem::path>& layers) {
  const auto colon = image.user.find(':');
  // Ours all are of this form: nothing is read when a replica starts.
  if (has_launcher(image) && colon != std::string::npos &&
      is_number(std::string_view(image.user).substr(0, colon)) &&
      is_number(std::string_view(image.user).substr(colon + 1)))
    return find_image_user(image.user, "", "");
  BERTH_ASSIGN(const std::string passwd, image_file(layers, "etc/passwd"));
  BERTH_ASSIGN(const std::string group, image_file(layers, "etc/group"));
  return find_image_user(image.user, passwd, group);
}

}  // namespace berth::builder
