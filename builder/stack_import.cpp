// SPDX-License-Identifier: Apache-2.0
#include "builder/stack_import.hpp"

#include "base/file.hpp"
#include "base/json.hpp"

namespace berth::builder {

namespace {

constexpr const char* digest_label = "io.berth.stack.digest";

Image described(const json::object& stack, std::string_view part) {
  Image image;
  image.user = "1000:1000";
  image.labels[digest_label] = optional_string(stack, "digest").value_or("");
  image.labels["io.buildpacks.base.id"] = optional_string(stack, "id").value_or("");
  const json::object* settings = optional_object(stack, part);
  if (!settings) return image;
  if (const json::object* env = optional_object(*settings, "env"))
    for (const auto& [name, value] : *env)
      if (value.is_string())
        image.env.push_back(std::string(name) + "=" + std::string(value.get_string()));
  if (const json::array* env = optional_array(*settings, "env"))
    for (const auto& entry : *env)
      if (entry.is_string()) image.env.emplace_back(entry.get_string());
  if (const json::object* labels = optional_object(*settings, "labels"))
    for (const auto& [name, value] : *labels)
      if (value.is_string()) image.labels[std::string(name)] = value.get_string();
  if (const auto user = optional_string(*settings, "user")) image.user = *user;
  return image;
}

Result<Image> import_part(ImageStore& images, const std::filesystem::path& directory,
                          const json::object& stack, const std::string& part) {
  const std::string tag = "stack/" + part;
  Image image = described(stack, part);
  const auto known = images.find_tag(tag);
  // The layers decide too: a deleted layers/ directory is unpacked again when it is needed.
  if (known.has_value() && !image.labels[digest_label].empty() && known->labels == image.labels &&
      known->env == image.env && known->user == image.user)
    return known;
  BERTH_ASSIGN(ImageLayer layer,
               images.add_layer_tar(directory / (part + ".tar"),
                                    "Stack " + image.labels["io.buildpacks.base.id"]));
  image.layers.push_back(std::move(layer));
  BERTH_ASSIGN(image, images.add_image(std::move(image)));
  BERTH_TRY(images.tag(tag, image.digest));
  return image;
}

}  // namespace

Result<StackImages> import_stack(ImageStore& images, const std::filesystem::path& directory) {
  const std::string what = "import stack " + directory.string();
  BERTH_ASSIGN(const std::string text, with_context(read_file(directory / "stack.json"), what));
  BERTH_ASSIGN(const json::object stack,
               with_context(parse_json_object(text), what + "/stack.json"));
  StackImages result;
  BERTH_ASSIGN(result.id, with_context(require_string(stack, "id"), what + "/stack.json"));
  BERTH_ASSIGN(result.run, with_context(import_part(images, directory, stack, "run"), what));
  BERTH_ASSIGN(result.build, with_context(import_part(images, directory, stack, "build"), what));
  return result;
}

}  // namespace berth::builder
