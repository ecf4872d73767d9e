// SPDX-License-Identifier: Apache-2.0
//
// What takes the platform's disk, and giving back what nothing needs.
#include <algorithm>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

std::string bytes_of(const json::object& object, std::string_view key) {
  return human_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, number(object, key))));
}

/// Of a part that tells them: "2.1 GB shared, 40 MB unique".
std::string sharing_of(const json::object& part) {
  if (!optional_int(part, "shared_bytes")) return "";
  return bytes_of(part, "shared_bytes") + " shared, " + bytes_of(part, "unique_bytes") + " unique";
}

Outcome<int> usage(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  BERTH_ASSIGN(const json::object usage, api.get_object("/disk-usage"));
  if (arguments.has("json")) {
    session.print_json(usage);
    return 0;
  }
  Table table({"WHAT", "COUNT", "SIZE", "RECLAIMABLE", ""});
  if (const auto* parts = optional_array(usage, "parts"))
    for (const auto& value : *parts)
      if (const auto* part = value.if_object())
        table.add({Cell(field(*part, "name"), Colour::cyan),
                   std::to_string(number(*part, "count")), bytes_of(*part, "bytes"),
                   number(*part, "reclaimable_bytes") > 0 ? bytes_of(*part, "reclaimable_bytes")
                                                           : std::string("-"),
                   sharing_of(*part)});
  session.print(table.render(session.style(), session.console.columns()) + "\n" +
                bytes_of(usage, "free_bytes") + " of " + bytes_of(usage, "total_bytes") +
                " free at " + field(usage, "path") + "; builds need " +
                bytes_of(usage, "min_free_bytes") + ".\n");
  if (number(usage, "reclaimable_bytes") > 0)
    session.note(bytes_of(usage, "reclaimable_bytes") +
                 " can be given back now.\n→ Try: berth system:prune");
  return 0;
}

Outcome<int> prune(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  const bool dry_run = arguments.has("dry-run");
  BERTH_ASSIGN(const json::value answer, api.send("POST", "/disk-usage/actions/prune",
                                                  json::object{{"dry_run", dry_run}}));
  const json::object done = object_or_empty(answer);
  if (arguments.has("json")) {
    session.print_json(done);
    return 0;
  }
  for (const auto* list : {"images", "paths"})
    if (const auto* names = optional_array(done, list))
      for (const auto& name : *names)
        if (name.is_string())
          session.print((dry_run ? "Would remove " : "Removed ") +
                        printable(std::string(name.get_string())) + "\n");
  const auto counted = [&](std::string_view key) { return std::to_string(number(done, key)); };
  session.print((dry_run ? "Would free " : "Freed ") + bytes_of(done, "bytes") + ": " +
                counted("blobs") + " blobs, " + counted("layers") + " unpacked layers, " +
                counted("caches") + " caches. " + bytes_of(done, "free_bytes") + " are free.\n");
  return 0;
}

}  // namespace

std::vector<Command> disk_commands() {
  return {
      {.name = "system:df",
       .group = "Platform",
       .summary = "Show what takes the platform's disk",
       .example = "berth system:df",
       .json = true,
       .aliases = {"disk"},
       .run = usage},
      {.name = "system:prune",
       .group = "Platform",
       .summary = "Give back disk space: images of old releases, caches, leftovers",
       .example = "berth system:prune --dry-run",
       .flags = {{.name = "--dry-run", .help = "Only tell what would be removed"}},
       .json = true,
       .details =
           "The platform does the same by itself after builds and when space runs short. What a "
           "kept release, a running replica or an app's next build needs is never removed.",
       .run = prune},
  };
}

}  // namespace berth::cli
