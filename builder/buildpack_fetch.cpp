// SPDX-License-Identifier: Apache-2.0
#include "builder/buildpack_fetch.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/crypto.hpp"
#include "base/file.hpp"
#include "builder/buildpackage.hpp"
#include "builder/git_fetch.hpp"
#include "builder/image_fetch.hpp"
#include "builder/layer_unpack.hpp"
#include "builder/source.hpp"
#include "builder/toml.hpp"
#include "builder/tree_seal.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t largest_package = 256ULL << 20;

std::string short_hash(std::string_view text) { return sha256_hex(text).substr(0, 16); }

bool is_file(const fs::path& path) { return fs::is_regular_file(fs::symlink_status(path)); }

/// A name for a classic buildpack: of its repository or folder.
std::string name_of(std::string_view source) {
  while (source.ends_with('/')) source.remove_suffix(1);
  if (source.ends_with(".git")) source.remove_suffix(4);
  source.remove_prefix(source.find_last_of("/:") + 1);  // npos + 1 is 0
  std::string name;
  for (const char c : source.substr(0, 60)) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += good ? c : '-';
  }
  return name.empty() ? "buildpack" : name;
}

class Fetcher final {
 public:
  explicit Fetcher(BuildContext& context)
      : context_(context), cache_(context.request.cache_directory / "buildpacks") {}

  Result<void> run(const BuildpackChoice& choice) {
    BERTH_ASSIGN(const OrderGroup before, resolve_all(choice.before));
    BERTH_ASSIGN(const OrderGroup after, resolve_all(choice.after));
    BERTH_ASSIGN(const OrderGroup group, resolve_all(choice.group));
    InstalledBuildpacks& installed = context_.installed;
    Order order = group.empty() ? installed.order : Order{complete_group(group, installed.order)};
    installed.order = surround(std::move(order), {before, after});
    for (const auto& members : installed.order)
      for (const auto& ref : members)
        seen_ += ref.id + "@" + ref.version + (ref.optional ? "?" : "") + ";";
    if (!group.empty() || !before.empty() || !after.empty())
      installed.digest = sha256_hex(installed.digest + seen_);
    context_.chosen_by = choice.by;
    return forget_others();
  }

 private:
  Result<OrderGroup> resolve_all(const std::vector<ChosenBuildpack>& chosen) {
    OrderGroup group;
    for (const auto& buildpack : chosen) {
      Result<BuildpackRef> ref = std::holds_alternative<InlineBuildpack>(buildpack)
                                     ? written(std::get<InlineBuildpack>(buildpack))
                                     : from(std::get<BuildpackSource>(buildpack));
      BERTH_TRY(ref);
      group.push_back(std::move(*ref));
    }
    return group;
  }

  Result<BuildpackRef> from(const BuildpackSource& source) {
    switch (source.kind) {
      case BuildpackSource::Kind::installed:
        return from_installed(source);
      case BuildpackSource::Kind::app:
        return with_context(from_app(source), source.shown());
      case BuildpackSource::Kind::git:
        return from_git(source);
      case BuildpackSource::Kind::image:
        break;
    }
    return from_image(source);
  }

  Result<BuildpackRef> from_installed(const BuildpackSource& source) {
    BuildpackRef ref{.id = source.name, .version = source.reference};
    if (context_.installed.set.find(ref)) return ref;
    const BuildpackRef alias{.id = alias_of(ref.id)};
    if (ref.version.empty() && context_.installed.set.find(alias)) {
      context_.line("Note: " + ref.id + " is " + alias.id + " here.");
      return alias;
    }
    std::vector<std::string> there;
    for (const auto* buildpack : context_.installed.set.all())
      there.push_back(buildpack->id + "@" + buildpack->version);
    return Error{ErrorKind::not_found,
                 "the buildpack " + source.shown() + " is not installed here. There are " +
                     people_list(there) +
                     "; another one can be named by a git URL, an image or its path in the app."};
  }

  /// A place in the cache; it is kept as long as builds use it.
  fs::path place(const std::string& name) {
    used_.insert(name);
    return cache_ / name;
  }

  Result<BuildpackRef> from_app(const BuildpackSource& source) {
    BERTH_ASSIGN(const auto package,
                 read_source_file(context_.request.source, source.name, largest_package));
    if (package) return from_package_file(*package);
    const fs::path directory = place("app-" + short_hash(source.name));
    BERTH_TRY(export_source(context_.request.source, directory, build_uid, build_gid, {},
                            {.directory = source.name, .filter = {}}));
    if (is_image_layout(directory / "tree")) {
      const fs::path unpacked = directory / "package";
      BERTH_TRY(remove_tree(unpacked));
      return from_layout(directory / "tree", unpacked);
    }
    return folder(directory / "tree", source.name);
  }

  Result<BuildpackRef> from_package_file(const std::string& content) {
    const fs::path directory = place("package-" + sha256_hex(content).substr(0, 32));
    BERTH_TRY(remove_tree(directory));
    BERTH_TRY(make_directories(directory / "layout"));
    BERTH_TRY(write_file(directory / "file.cnb", content));
    BERTH_TRY(unpack_layer(directory / "file.cnb", directory / "layout",
                           {.bytes = 4ULL << 30, .entries = 100'000}));
    BERTH_TRY(remove_tree(directory / "file.cnb"));
    if (!is_image_layout(directory / "layout"))
      return Error{ErrorKind::invalid, "it is no buildpackage: the file holds no OCI image layout"};
    return from_layout(directory / "layout", directory / "package");
  }

  Result<BuildpackRef> from_git(const BuildpackSource& source) {
    const GitOrigin origin{.url = source.name, .reference = source.reference};
    const std::string prefix = "git-" + short_hash(source.name) + "-";
    if (is_commit_id(origin.reference) && is_kept(cache_ / (prefix + origin.reference), "tree"))
      return folder(place(prefix + origin.reference) / "tree", source.name);
    BERTH_TRY(make_directories(cache_));
    const fs::path incoming = cache_ / "incoming";
    BERTH_ASSIGN(GitFetch fetch, GitFetch::open(context_, incoming));
    BERTH_ASSIGN(const std::string commit, fetch.resolve(origin));
    const fs::path directory = place(prefix + commit);
    if (!is_kept(directory, "tree")) {
      context_.title("Fetching the buildpack " + source.shown() + " (" + commit.substr(0, 7) + ")");
      BERTH_TRY(fetch.fetch(origin, commit));
      BERTH_TRY(keep(incoming, directory, "tree"));
    }
    return folder(directory / "tree", source.name);
  }

  Result<BuildpackRef> from_image(const BuildpackSource& source) {
    BERTH_ASSIGN(const ImageFetch fetch, ImageFetch::open(context_, source.name));
    BERTH_ASSIGN(const std::string digest, fetch.resolve());
    const fs::path directory = place("image-" + digest.substr(7, 32));
    if (!is_kept(directory, "layout")) {
      context_.title("Fetching the buildpack " + source.shown() + " (" + digest.substr(0, 14) +
                     ")");
      BERTH_TRY(make_directories(cache_));
      const fs::path incoming = cache_ / "incoming";
      BERTH_TRY(remove_tree(incoming));
      BERTH_TRY(make_directories(incoming));
      BERTH_TRY(fetch.fetch(digest, incoming / "layout"));
      BERTH_TRY(keep(incoming, directory, "layout"));
    }
    BERTH_TRY(remove_tree(directory / "package"));
    return with_context(from_layout(directory / "layout", directory / "package"), source.shown());
  }

  /// What was fetched is believed as long as it is as it was then.
  static bool is_kept(const fs::path& directory, const std::string& part) {
    const auto seal = read_file(directory / "seal", 4096);
    return seal.has_value() && has_seal(directory / part, *seal);
  }

  static Result<void> keep(const fs::path& from, const fs::path& to, const std::string& part) {
    BERTH_ASSIGN(const std::string seal, tree_seal(from / part));
    BERTH_TRY(write_file_atomic(from / "seal", seal));
    BERTH_TRY(remove_tree(to));
    if (::rename(from.c_str(), to.c_str()) != 0)
      return system_error("move " + from.string() + " to " + to.string());
    return {};
  }

  Result<BuildpackRef> from_layout(const fs::path& layout, const fs::path& unpacked) {
    BERTH_ASSIGN(const Buildpackage package, unpack_buildpackage(layout, unpacked));
    for (const auto& directory : package.folders) {
      BERTH_ASSIGN(Buildpack buildpack, load_buildpack(directory));
      BERTH_TRY(install(std::move(buildpack), directory));
    }
    if (!context_.installed.set.find(package.main))
      return Error{ErrorKind::invalid, "the buildpackage does not hold " + package.main.id +
                                           ", which it is said to be"};
    return package.main;
  }

  /// A Cloud Native Buildpack, or a classic one.
  Result<BuildpackRef> folder(const fs::path& directory, const std::string& source) {
    bool cloud_native = false;
    if (is_file(directory / "buildpack.toml")) {
      BERTH_ASSIGN(const std::string text, read_file(directory / "buildpack.toml", 1 << 20));
      const auto document = parse_toml(text);
      cloud_native = document.has_error() || document->contains("api");
    }
    if (cloud_native) {
      BERTH_ASSIGN(Buildpack buildpack, load_buildpack(directory));
      return install(std::move(buildpack), directory);
    }
    if (is_file(directory / "bin/compile") && is_file(directory / "bin/detect"))
      return classic(directory, source);
    return Error{ErrorKind::invalid,
                 without_credentials(source) +
                     " is no buildpack: it has neither a buildpack.toml with an api and bin/build "
                     "(Cloud Native) nor bin/detect and bin/compile (classic)"};
  }

  Result<BuildpackRef> classic(const fs::path& directory, const std::string& source) {
    const fs::path shim = context_.request.buildpacks_directory / "classic";
    if (!is_file(shim / "bin/build"))
      return Error{ErrorKind::unavailable, "classic buildpacks need the folder " + shim.string()};
    Buildpack buildpack;
    buildpack.api = highest_buildpack_api;
    buildpack.id = "classic/" + name_of(source);
    for (int number = 2; context_.installed.set.find({.id = buildpack.id}); ++number)
      buildpack.id = "classic/" + name_of(source) + "-" + std::to_string(number);
    buildpack.version = "1.0.0";
    buildpack.name = buildpack.id;
    buildpack.clear_env = true;  // config vars are files to them, never their environment
    buildpack.directory = shim;
    buildpack.classic = directory;
    return install(std::move(buildpack), directory);
  }

  Result<BuildpackRef> written(const InlineBuildpack& buildpack) {
    const std::string head = "api = \"" + buildpack.script.api + "\"\n";
    const std::string toml =
        head + write_toml({{"buildpack",
                            json::object{{"id", buildpack.id}, {"version", buildpack.version}}}});
    const std::string build = "#!" + buildpack.script.shell + "\n\n" + buildpack.script.text + "\n";
    const fs::path directory = place("inline-" + short_hash(toml + build));
    BERTH_TRY(make_directories(directory / "bin"));
    BERTH_TRY(write_file(directory / "buildpack.toml", toml));
    BERTH_TRY(write_file(directory / "bin/detect", "#!/bin/sh\nexit 0\n", 0755));
    BERTH_TRY(write_file(directory / "bin/build", build, 0755));
    Result<Buildpack> loaded = load_buildpack(directory);
    if (loaded.has_error())
      return Error{loaded.error().kind, "the inline buildpack " + buildpack.id + ": " +
                                            parse_buildpack(toml).error().message};
    return install(std::move(*loaded), directory);
  }

  Result<BuildpackRef> install(Buildpack buildpack, const fs::path& directory) {
    BERTH_ASSIGN(const std::string digest, digest_of_tree(directory));
    BuildpackRef ref{.id = buildpack.id, .version = buildpack.version};
    seen_ += digest + ";";
    context_.installed.set.add(std::move(buildpack));
    return ref;
  }

  /// What earlier builds used and this one does not.
  Result<void> forget_others() {
    std::error_code failure;
    std::vector<fs::path> others;
    for (fs::directory_iterator at(cache_, failure), end; !failure && at != end;
         at.increment(failure))
      if (!used_.contains(at->path().filename().string())) others.push_back(at->path());
    for (const auto& path : others) BERTH_TRY(remove_tree(path));
    return {};
  }

  BuildContext& context_;
  fs::path cache_;
  std::set<std::string> used_;
  std::string seen_;  ///< of what was added: another buildpack, another image
};

}  // namespace

Result<void> add_chosen_buildpacks(BuildContext& context, const BuildpackChoice& choice) {
  return Fetcher(context).run(choice);
}

}  // namespace berth::builder
