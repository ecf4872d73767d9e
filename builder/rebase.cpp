// SPDX-License-Identifier: Apache-2.0
#include "builder/rebase.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace berth::builder {

namespace {

constexpr const char* lifecycle_label = "io.buildpacks.lifecycle.metadata";
constexpr std::string_view base_prefix = "io.buildpacks.base.";

Result<void> check_same_kind(const Image& image, const Image& run) {
  for (const char* name : {"io.buildpacks.base.distro.name", "io.buildpacks.base.distro.version"})
    if (const std::string before = image.label(name), after = run.label(name); before != after)
      return Error{ErrorKind::conflict,
                   "the image was built on " + std::string(name).substr(base_prefix.size()) + " '" +
                       before + "', and the new base is '" + after +
                       "': what was compiled for one may not run on the other. Push again to build "
                       "on the new base"};
  return {};
}

}  // namespace

Result<Image> rebase(Image image, const Image& run, const std::string& run_name) {
  if (image.label(lifecycle_label).empty())
    return Error{ErrorKind::conflict,
                 "the image was not built by buildpacks, so no base can be swapped below it. Build "
                 "it on the new base and deploy it again"};
  if (image.label("io.buildpacks.rebasable") == "false")
    return Error{ErrorKind::conflict,
                 "the image says that its base must not be swapped (io.buildpacks.rebasable). Push "
                 "again to build on the new base"};
  BERTH_TRY(check_same_kind(image, run));
  BERTH_ASSIGN(json::object metadata, with_context(parse_json_object(image.label(lifecycle_label)),
                                                   "the image's lifecycle metadata"));
  const json::object* before = optional_object(metadata, "runImage");
  const std::string top = before ? optional_string(*before, "topLayer").value_or("") : "";
  const auto last = std::find_if(image.layers.begin(), image.layers.end(),
                                 [&](const ImageLayer& layer) { return layer.diff_id == top; });
  if (top.empty() || last == image.layers.end() || run.layers.empty())
    return Error{ErrorKind::conflict,
                 "the image does not say where its base ends. Push again to build on the new base"};
  std::vector<ImageLayer> layers = run.layers;
  layers.insert(layers.end(), last + 1, image.layers.end());
  image.layers = std::move(layers);

  json::object base{{"topLayer", run.layers.back().diff_id},
                    {"reference", run.digest},
                    {"image", run_name}};
  metadata["runImage"] = std::move(base);
  metadata["stack"] = json::object{{"runImage", json::object{{"image", run_name}}}};
  image.labels[lifecycle_label] = to_text(metadata);
  std::erase_if(image.labels, [](const auto& entry) {
    return entry.first.starts_with(base_prefix) || entry.first == "io.berth.stack.digest";
  });
  for (const auto& [name, value] : run.labels)
    if (name.starts_with(base_prefix) || name == "io.berth.stack.digest")
      image.labels[name] = value;
  image.digest.clear();
  return image;
}

}  // namespace berth::builder
