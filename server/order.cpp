// SPDX-License-Identifier: Apache-2.0
#include "server/order.hpp"

#include "builder/image_import.hpp"
#include "builder/image_process.hpp"
#include "builder/log_format.hpp"
#include "builder/rebase.hpp"

namespace berth::server {

namespace {

Result<builder::Image> take_upload(builder::ImageStore& images, const ImageLibrary& library,
                                   const Uploads& uploads, const std::string& upload) {
  BERTH_ASSIGN(const auto archive, uploads.find(upload));
  auto imported =
      builder::import_image_archive(images, archive, library.work(), library.limits());
  uploads.remove(upload);
  if (imported.has_error()) return imported.error();
  return std::move(imported->image);
}

/// What can be known to be wrong before anything is started.
Result<builder::BuiltImage> describe(const builder::ImageStore& images, builder::Image image,
                                     const builder::OutputSink& sink) {
  BERTH_ASSIGN(builder::BuiltImage built, builder::describe_image(std::move(image)));
  if (built.processes.empty())
    return Error{ErrorKind::invalid,
                 "the image says no command: it has neither ENTRYPOINT nor CMD. Add one where it "
                 "is made, and deploy it again"};
  BERTH_ASSIGN(const auto layers, images.directories(built.image));
  BERTH_ASSIGN(const builder::ImageUser user, builder::image_user(built.image, layers));
  if (user.uid == 0)
    sink(builder::log_lines("It runs as root, inside the app's own user namespace"));
  for (const auto& [type, command] : built.processes)
    sink(builder::log_lines(type + ": " + command));
  std::uint64_t bytes = 0;
  for (const auto& layer : built.image.layers) bytes += layer.size_bytes;
  sink(builder::log_title("Image " + built.image.digest.substr(0, 19) + "… (" +
                          builder::people_count(built.image.layers.size(), "layer") + ", " +
                          builder::people_bytes(bytes) + ")"));
  return built;
}

}  // namespace

Order image_order(builder::ImageStore& images, const ImageLibrary& library, const Uploads& uploads,
                  const std::string& upload, const std::string& reference) {
  const auto make = [&images, &library, &uploads, upload, reference](
                        const platform::BuildId&, const builder::OutputSink& sink,
                        const std::atomic<bool>& cancel) -> Result<builder::BuiltImage> {
    sink(builder::log_title("Importing the image" +
                            (reference.empty() ? std::string() : " " + reference)));
    auto image = upload.empty() ? library.resolve(reference, cancel)
                                : take_upload(images, library, uploads, upload);
    if (image.has_error()) return image.error();
    if (cancel) return Error{ErrorKind::cancelled, "the deploy was cancelled"};
    BERTH_ASSIGN(builder::Image used, images.take_into_use(std::move(*image)));
    return describe(images, std::move(used), sink);
  };
  return {.what = reference.empty() ? "image archive" : reference,
          .commit = {},
          .prepare = [make]() -> Order::Make { return make; }};
}

Result<std::optional<builder::Image>> rebased(builder::ImageStore& images,
                                              const std::string& digest) {
  const std::string name = builder::Stack().run_tag;
  BERTH_ASSIGN(const builder::Image image, images.find(digest));
  BERTH_ASSIGN(const builder::Image run, images.find_tag(name));
  BERTH_ASSIGN(builder::Image moved, builder::rebase(image, run, name));
  BERTH_ASSIGN(moved, images.add_image(std::move(moved)));
  if (moved.digest == digest) return std::optional<builder::Image>();
  return std::optional<builder::Image>(std::move(moved));
}

}  // namespace berth::server
