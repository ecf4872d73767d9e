// SPDX-License-Identifier: Apache-2.0
//
// The images that people brought to the platform: bases for Dockerfiles, and images to deploy.
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"
#include "cli/upload.hpp"

namespace berth::cli {

namespace {

constexpr auto import_limit = std::chrono::minutes(30);
constexpr std::size_t short_digest = 19;

std::uint64_t size_of(const json::object& image) {
  return static_cast<std::uint64_t>(optional_int(image, "size").value_or(0));
}

Outcome<int> list(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  BERTH_ASSIGN(const json::array images, api.list("/images"));
  if (arguments.has("json")) {
    session.print_json(images);
    return 0;
  }
  if (images.empty()) {
    session.note("No image was imported yet.\n→ Try: docker save -o image.tar debian:bookworm-slim "
                 "&& berth images:import image.tar");
    return 0;
  }
  Table table({"NAME", "DIGEST", "LAYERS", "SIZE"});
  for (const auto& value : images)
    if (const auto* image = value.if_object())
      table.add({Cell(field(*image, "name"), Colour::cyan),
                 field(*image, "digest").substr(0, short_digest),
                 std::to_string(optional_int(*image, "layers").value_or(0)),
                 human_bytes(size_of(*image))});
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<int> import(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(ApiClient api, session.api());
  api.set_deadline(import_limit);
  BERTH_ASSIGN(const auto file, existing_file(session, arguments.text("file").value_or("")));
  BERTH_ASSIGN(const std::string url, upload_file(session, api, file));
  json::object wanted{{"archive", url}};
  if (const auto name = arguments.text("name")) wanted["name"] = *name;
  BERTH_ASSIGN(const json::value answer, api.send("POST", "/images", wanted));
  const json::object* image = answer.if_object();
  if (!image) return failed("The API answered with no image.");
  if (arguments.has("json"))
    session.print_json(*image);
  else
    session.note("Imported " + printable(field(*image, "name")) + " (" +
                 human_bytes(size_of(*image)) + ").");
  return 0;
}

Outcome<int> remove(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  BERTH_ASSIGN(const json::value answer,
               api.send("DELETE", api_path({"images", arguments.text("name").value_or("")}),
                        nullptr));
  const json::object* image = answer.if_object();
  if (arguments.has("json"))
    session.print_json(answer);
  else
    session.note("Removed " + printable(image ? field(*image, "name") : "") +
                 ". Apps that run it go on.");
  return 0;
}

}  // namespace

std::vector<Command> image_commands() {
  return {
      {.name = "images",
       .group = "Config and releases",
       .summary = "List the images that were imported",
       .example = "berth images",
       .json = true,
       .aliases = {"images:list"},
       .run = list},
      {.name = "images:import",
       .group = "Config and releases",
       .summary = "Import an image from a file, to build on or to deploy",
       .example = "berth images:import debian.tar --name debian:bookworm-slim",
       .arguments = {{.name = "FILE",
                      .help = "What `docker save` or `skopeo copy … oci-archive:` writes",
                      .required = true}},
       .flags = {{.name = "--name",
                  .value = "NAME",
                  .help = "Its name here; else the one that it was saved under"}},
       .json = true,
       .run = import},
      {.name = "images:remove",
       .group = "Config and releases",
       .summary = "Forget an imported image",
       .example = "berth images:remove debian:bookworm-slim",
       .arguments = {{.name = "NAME", .help = "As `berth images` shows it", .required = true}},
       .json = true,
       .run = remove},
  };
}

}  // namespace berth::cli
