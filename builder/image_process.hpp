// SPDX-License-Identifier: Apache-2.0
//
// How the processes of an image are started, whoever made it. An image of the lifecycle has a
// launcher and a link a process type; any other has ENTRYPOINT, CMD, USER, WORKDIR and EXPOSE, and
// they mean here what they mean elsewhere: together they are the process type "web".
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "builder/image_store.hpp"

namespace berth::builder {

/// The label of images without a launcher that have other process types than ENTRYPOINT and CMD
/// say: {"worker": ["/bin/sh", "-c", "…"]}.
inline constexpr std::string_view processes_label = "io.berth.processes";

/// The label of an image some of whose process types have an image of their own: {"worker":
/// "sha256:…"}. The collector keeps those as long as it.
inline constexpr std::string_view images_label = "io.berth.images";

/// Process type → digest of the image that it runs in, where that is another.
[[nodiscard]] std::map<std::string, std::string> other_images(const Image& image);

/// Made by a buildpack lifecycle: processes are started by its launcher.
[[nodiscard]] bool has_launcher(const Image& image);

/// Process type → argument vector, of an image without a launcher. Empty where it names no command.
[[nodiscard]] std::map<std::string, std::vector<std::string>> image_processes(const Image& image);

/// What a one-off `command` is started with: by a shell, with the environment of the launcher.
[[nodiscard]] std::vector<std::string> one_off_arguments(const Image& image,
                                                         const std::string& command);

/// The port to give as $PORT: the one TCP port that the image exposes, else `otherwise`.
[[nodiscard]] int image_port(const Image& image, int otherwise);

struct ImageUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string home = "/";
  friend bool operator==(const ImageUser&, const ImageUser&) = default;
};

/// Image::user ("", "1000", "1000:1000", "node", "node:staff") by the image's /etc/passwd and
/// /etc/group; `layers` are its directories, top first. A name that is not there is an error.
[[nodiscard]] Result<ImageUser> image_user(const Image& image,
                                           const std::vector<std::filesystem::path>& layers);
/// The same from the files' text. Pure.
[[nodiscard]] Result<ImageUser> find_image_user(std::string_view user, std::string_view passwd,
                                                std::string_view group);

}  // namespace berth::builder
