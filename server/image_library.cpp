// SPDX-License-Identifier: Apache-2.0
#include "server/image_library.hpp"

#include <chrono>
#include <iterator>

#include "base/child_process.hpp"
#include "base/crypto.hpp"
#include "base/file.hpp"
#include "builder/collection.hpp"
#include "builder/failure.hpp"
#include "builder/image_documents.hpp"
#include "builder/oci.hpp"

namespace berth::server {

namespace fs = std::filesystem;

namespace {

/// Before the names of the images here, so that no app and no base of the platform has one of them.
const std::string prefix = "image/";
constexpr std::size_t longest_output = 1 << 20;

/// "registry.example:5000" of "registry.example:5000/team/app:1"; docker's rule for what is a host.
std::string host_of(const std::string& reference) {
  const auto slash = reference.find('/');
  const std::string first = reference.substr(0, slash == std::string::npos ? 0 : slash);
  const bool host = first.find('.') != std::string::npos || first.find(':') != std::string::npos ||
                    first == "localhost";
  return host ? first : "";
}

std::string without_scheme(const std::string& registry) {
  const auto scheme = registry.find("://");
  return scheme == std::string::npos ? registry : registry.substr(scheme + 3);
}

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "no reason given";
  const auto begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

}  // namespace

fs::path ImageLibrary::work() const {
  return config_.data_dir / "work" / ("image-" + random_hex(8));
}

builder::ImageImportLimits ImageLibrary::limits() const {
  return {.bytes = config_.images.max_size_bytes};
}

Result<LibraryImage> ImageLibrary::import(const fs::path& archive, const std::string& name) const {
  // What is wrong with the name is said before a large archive is read.
  std::string wanted;
  if (!name.empty()) {
    BERTH_ASSIGN(wanted, builder::normal_image_name(name));
  }
  BERTH_ASSIGN(builder::ImportedImage imported,
               builder::import_image_archive(images_, archive, work(), limits()));
  if (wanted.empty()) {
    if (imported.names.empty())
      return Error{ErrorKind::invalid,
                   "the archive does not say the image's name. Give one: berth images:import FILE "
                   "--name NAME"};
    BERTH_ASSIGN(wanted, builder::normal_image_name(imported.names.front()));
  }
  BERTH_TRY(images_.tag(prefix + wanted, imported.image.digest));
  return LibraryImage{.name = wanted, .image = std::move(imported.image)};
}

Result<std::vector<LibraryImage>> ImageLibrary::list() const {
  BERTH_ASSIGN(const auto tags, images_.tags());
  std::vector<LibraryImage> result;
  for (const auto& [name, digest] : tags) {
    if (!name.starts_with(prefix)) continue;
    BERTH_ASSIGN(builder::Image image, images_.find(digest));
    result.push_back({.name = name.substr(prefix.size()), .image = std::move(image)});
  }
  return result;
}

Result<LibraryImage> ImageLibrary::remove(const std::string& name) const {
  BERTH_ASSIGN(const std::string wanted, builder::normal_image_name(name));
  auto image = images_.find_tag(prefix + wanted);
  if (image.has_error() && image.error().kind == ErrorKind::not_found)
    return Error{ErrorKind::not_found, "no image is named '" + wanted + "'"};
  BERTH_TRY(image);
  BERTH_TRY(images_.untag(prefix + wanted));
  return LibraryImage{.name = wanted, .image = std::move(*image)};
}

Result<builder::Image> ImageLibrary::resolve(const std::string& reference,
                                             const std::atomic<bool>& cancel) const {
  BERTH_ASSIGN(const std::string name, builder::normal_image_name(reference));
  if (auto image = images_.find_tag(prefix + name);
      image.has_value() || image.error().kind != ErrorKind::not_found)
    return image;
  const std::string host = host_of(name);
  for (const auto& registry : config_.images.registries)
    if (host.empty() || host == without_scheme(registry))
      return fetch({.plain = registry.starts_with("http://"),
                    .source = host.empty() ? without_scheme(registry) + "/" + name : name},
                   cancel);
  const std::string why =
      config_.images.registries.empty() ? "no registry is configured (images.registries)"
      : "the registry " + host + " is not among those configured (images.registries)";
  return Error{ErrorKind::not_found,
               "no image is named '" + name + "' here, and " + why +
                   ". Import it: `docker save -o image.tar " + name +
                   "` where it is, then `berth images:import image.tar`"};
}

Result<builder::Image> ImageLibrary::fetch(const Remote& remote,
                                           const std::atomic<bool>& cancel) const {
  std::vector<std::string> inspect = {"inspect", "--raw"};
  if (remote.plain) inspect.emplace_back("--tls-verify=false");
  inspect.push_back("docker://" + remote.source);
  BERTH_ASSIGN(const std::string manifest, skopeo(std::move(inspect), remote, cancel));
  const std::string family = std::string(builder::fetched_prefix) + remote.source + "@";
  const std::string tag = family + "sha256:" + sha256_hex(manifest);
  BERTH_ASSIGN(const auto tags, images_.tags());
  if (const auto known = tags.find(tag); known != tags.end())
    if (auto image = images_.find(known->second); image.has_value())
      if (auto used = images_.take_into_use(std::move(*image)); used.has_value()) return used;
  BERTH_ASSIGN(builder::Image image, copy(remote, cancel));
  BERTH_TRY(images_.tag(tag, image.digest));
  for (const auto& [other, digest] : tags)
    if (other.starts_with(family) && other != tag) BERTH_TRY(images_.untag(other));
  return image;
}

Result<builder::Image> ImageLibrary::copy(const Remote& remote,
                                          const std::atomic<bool>& cancel) const {
  const fs::path directory = work();
  BERTH_TRY(make_directories(directory));
  std::vector<std::string> copy = {"copy", "--quiet", "--override-os", "linux", "--override-arch",
                                   std::string(builder::oci_architecture())};
  if (remote.plain) copy.emplace_back("--src-tls-verify=false");
  copy.push_back("docker://" + remote.source);
  copy.push_back("oci:" + directory.string() + ":image");
  Result<builder::Image> result = Error{};
  if (const auto copied = skopeo(std::move(copy), remote, cancel); copied.has_error()) {
    result = copied.error();
  } else {
    auto imported = builder::import_image_directory(images_, directory, limits());
    if (imported.has_error())
      result = imported.error();
    else
      result = std::move(imported->image);
  }
  BERTH_TRY(remove_tree(directory));
  return result;
}

Result<std::string> ImageLibrary::skopeo(std::vector<std::string> arguments, const Remote& remote,
                                         const std::atomic<bool>& cancel) const {
  std::vector<std::string> argv = {"skopeo", "--insecure-policy"};
  argv.insert(argv.end(), std::make_move_iterator(arguments.begin()),
              std::make_move_iterator(arguments.end()));
  const auto limit = config_.build.timeout;
  auto done = run_program({.argv = std::move(argv)}, {}, limit, longest_output, &cancel);
  if (done.has_error() && done.error().kind == ErrorKind::timeout)
    return Error{ErrorKind::timeout,
                 "the registry did not give " + remote.source + " within " +
                     builder::people_duration(std::chrono::ceil<std::chrono::seconds>(limit)) +
                     " (build.timeout)"};
  if (done.has_error()) return done.error().context("fetch " + remote.source);
  if (!done->status.success())
    return Error{ErrorKind::unavailable, "the registry did not give " + remote.source + ": " +
                                             last_line(done->err)};
  return std::move(done->out);
}

}  // namespace berth::server
