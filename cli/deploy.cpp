// SPDX-License-Identifier: Apache-2.0
//
// Deploys without git: a directory or an archive of source, an image in a file or by its name; and
// the swap of the base below an image.
#include "base/file.hpp"
#include "base/http_client.hpp"
#include "cli/builds.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/pack.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/upload.hpp"

namespace berth::cli {

namespace fs = std::filesystem;

namespace {

constexpr auto upload_limit = std::chrono::hours(2);
/// The server unpacks the source, or reads a whole image, before it answers.
constexpr auto import_limit = std::chrono::minutes(30);

std::string counted(std::uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

/// The source as an archive: itself, or made of a directory in `scratch`.
Outcome<fs::path> source_archive(Session& session, const fs::path& source, const TempDir& scratch) {
  std::error_code failure;
  if (fs::is_regular_file(source, failure)) return source;
  if (!fs::is_directory(source, failure))
    return failed("There is no directory or archive " + printable(source.string()) + ".");
  const fs::path archive = scratch.path() / "source.tar.gz";
  BERTH_ASSIGN(const Packed packed, pack_directory(source, archive));
  if (packed.files == 0)
    return failed("There is nothing to deploy in " + printable(source.string()) + ".");
  session.note("Packed " + counted(packed.files, "file") + ", " +
               human_bytes(fs::file_size(archive, failure)) +
               (packed.ignored == 0
                    ? "."
                : packed.ignored == 1
                    ? "; .gitignore left out 1 file or directory."
                    : "; .gitignore left out " + std::to_string(packed.ignored) +
                          " files or directories."));
  return archive;
}

Outcome<json::object> build_of(Session& session, const Target& target,
                               const Arguments& arguments) {
  if (const auto reference = arguments.text("image"))
    return json::object{{"image", json::object{{"reference", *reference}}}};
  if (const auto archive = arguments.text("archive")) {
    BERTH_ASSIGN(const fs::path file, existing_file(session, *archive));
    BERTH_ASSIGN(const std::string url, upload_file(session, target.api, file));
    return json::object{{"image", json::object{{"archive", url}}}};
  }
  BERTH_ASSIGN(const TempDir scratch, TempDir::create(fs::temp_directory_path()));
  const fs::path source =
      session.environment.directory / arguments.text("source").value_or(".");
  BERTH_ASSIGN(const fs::path archive, source_archive(session, source, scratch));
  BERTH_ASSIGN(const std::string url, upload_file(session, target.api, archive));
  return json::object{{"source_blob", json::object{{"url", url}}}};
}

Outcome<int> deploy(Session& session, const Arguments& arguments) {
  const int ways = int{arguments.has("source")} + int{arguments.has("archive")} +
                   int{arguments.has("image")};
  if (ways > 1)
    return usage_failure("Give one of --source, --archive and --image.", "berth deploy --help");
  BERTH_ASSIGN(Target target, session.target(arguments));
  target.api.set_deadline(import_limit);
  BERTH_ASSIGN(const json::object wanted, build_of(session, target, arguments));
  BERTH_ASSIGN(const json::value answer,
               target.api.send("POST", target.path({"builds"}), wanted));
  const json::object* begun = answer.if_object();
  const std::string id = begun ? field(*begun, "id") : "";
  const bool as_json = arguments.has("json");
  BERTH_TRY(print_build_output(session, target, id, as_json));
  BERTH_ASSIGN(const json::object build, target.api.get_object(target.path({"builds", id})));
  const std::string status = field(build, "status");
  if (status == "failed")
    return failed("The deploy failed: " + printable(field(build, "message")) + ".");
  if (status != "succeeded")
    return failed("The build's log ended before the build did: the platform is stopping.",
                  "berth builds -a " + target.app);
  BERTH_TRY(await_release(session, target, field(build, "release", "id")));
  BERTH_ASSIGN(const json::object app, target.api.get_object(target.path()));
  if (as_json)
    session.print(to_text(build) + "\n");
  else
    session.print(field(app, "web_url") + "\n");
  return 0;
}

Outcome<int> upgrade(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(Target target, session.target(arguments));
  target.api.set_deadline(import_limit);
  BERTH_ASSIGN(const json::object before, target.api.get_object(target.path()));
  BERTH_ASSIGN(const json::value answer,
               target.api.send("POST", target.path({"actions", "upgrade-stack"}), nullptr));
  const json::object* release = answer.if_object();
  if (!release) return failed("The API answered with no release.");
  const auto* version = before.if_contains("release");
  const bool same = version && version->is_number() &&
                    release->at("version").to_number<std::int64_t>() <=
                        version->to_number<std::int64_t>();
  if (same)
    session.note(target.app + " is on the newest base already.");
  else
    BERTH_TRY(await_release(session, target, field(*release, "id")));
  if (arguments.has("json")) session.print_json(*release);
  return 0;
}

}  // namespace

Outcome<fs::path> existing_file(const Session& session, const std::string& word) {
  const fs::path file = session.environment.directory / word;
  std::error_code failure;
  if (fs::is_regular_file(file, failure)) return file;
  return failed("There is no file " + printable(file.string()) + ".");
}

Outcome<std::string> upload_file(Session& session, const ApiClient& api, const fs::path& file) {
  BERTH_ASSIGN(const json::value place, api.send("POST", "/sources", nullptr));
  const json::object* object = place.if_object();
  const std::string put = object ? field(*object, "source_blob", "put_url") : "";
  const std::string get = object ? field(*object, "source_blob", "get_url") : "";
  HttpRequest request{.method = "PUT", .url = {}, .body_file = file, .deadline = upload_limit};
  BERTH_ASSIGN(request.url, Url::parse(put));
  request.headers["Content-Type"] = "application/octet-stream";
  std::error_code ignored;
  session.note("Uploading " + human_bytes(fs::file_size(file, ignored)) + " …");
  const auto response = http_request(request);
  if (response.has_error()) return unreachable(api.url(), response.error());
  if (response->status / 100 != 2) return refusal(response->status, response->body, api.url());
  return get;
}

std::vector<Command> deploy_commands() {
  return {
      {.name = "deploy",
       .group = "Config and releases",
       .summary = "Deploy without git: this directory, an archive, or an image",
       .example = "berth deploy --source ./my-app -a my-app",
       .flags = {{.name = "--source",
                  .value = "PATH",
                  .help = "A directory, a tar (plain, gzip, zstd, xz, bzip2) or a zip (.)"},
                 {.name = "--archive",
                  .value = "FILE",
                  .help = "An image: what `docker save` or `skopeo copy … oci-archive:` writes"},
                 {.name = "--image",
                  .value = "NAME",
                  .help = "An image of `berth images`, or of a configured registry"}},
       .for_app = true,
       .json = true,
       .details = "A directory is packed without .git and without what its .gitignore names.\n"
                  "The exit code is 0 when the release is live.",
       .run = deploy},
      {.name = "stack:upgrade",
       .group = "Config and releases",
       .summary = "Move the app's image to the newest base image, without a build",
       .example = "berth stack:upgrade -a hello",
       .for_app = true,
       .json = true,
       .run = upgrade},
  };
}

}  // namespace berth::cli
