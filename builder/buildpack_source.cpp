// SPDX-License-Identifier: Apache-2.0
#include "builder/buildpack_source.hpp"

#include <algorithm>
#include <array>

#include "builder/path_patterns.hpp"

namespace berth::builder {

namespace {

using Kind = BuildpackSource::Kind;

constexpr std::size_t longest_source = 2048;

Error refuse(std::string_view text, std::string_view why) {
  return {ErrorKind::invalid,
          "the buildpack '" + without_credentials(text.substr(0, 200)) + "' " + std::string(why)};
}

bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '\'' || c == '"' ||
           c == '\\';
  });
}

/// The path inside the app, cleaned; one that leads out of it is an error.
Result<BuildpackSource> in_app(std::string_view text) {
  std::string clean;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part.empty() || part == ".") continue;
    if (part == "..") return refuse(text, "leads out of the app");
    clean.append(clean.empty() ? "" : "/").append(part);
  }
  if (text.starts_with('/') || clean.empty())
    return refuse(text, "must be a path below the app's own directory, such as ./buildpack");
  return BuildpackSource{.kind = Kind::app, .name = std::move(clean)};
}

Result<BuildpackSource> installed(std::string_view text) {
  const auto at = text.find('@');
  BuildpackSource source{.kind = Kind::installed, .name = std::string(text.substr(0, at))};
  if (at != text.npos) source.reference = text.substr(at + 1);
  const bool good =
      !source.name.empty() && std::all_of(source.name.begin(), source.name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '/' || c == '-';
      });
  if (!good)
    return refuse(text,
                  "is neither an id (acme/lang), a path in the app (./buildpack), a git URL "
                  "(https://…#ref) nor an image (docker://…)");
  return source;
}

Result<BuildpackSource> in_git(std::string_view text) {
  const auto hash = text.find('#');
  BuildpackSource source{.kind = Kind::git, .name = std::string(text.substr(0, hash))};
  if (hash != text.npos) source.reference = text.substr(hash + 1);
  // git takes words that start with a hyphen for options.
  if (source.name.starts_with('-') || source.reference.starts_with('-') ||
      source.reference.find(':') != std::string::npos)
    return refuse(text, "has a name that git would not take");
  return source;
}

/// "git@host:path", as ssh has it.
bool is_scp_like(std::string_view text) {
  const auto colon = text.find(':');
  const auto at = text.find('@');
  return at != text.npos && colon != text.npos && at > 0 && at < colon && text.find('/') > colon &&
         colon + 1 < text.size();
}

Result<BuildpackSource> with_scheme(std::string_view text, std::string_view scheme) {
  constexpr std::array<std::string_view, 4> git_schemes = {"https", "http", "git", "ssh"};
  if (scheme == "docker") {
    BuildpackSource source{.kind = Kind::image,
                           .name = std::string(text.substr(text.find("//") + 2))};
    if (source.name.find('/') == source.name.npos || source.name.starts_with('-'))
      return refuse(text, "must name its registry: docker://host/image:tag");
    return source;
  }
  if (std::find(git_schemes.begin(), git_schemes.end(), scheme) == git_schemes.end())
    return refuse(text, "has a scheme that is not known (https, ssh, git and docker are)");
  const std::string_view path = text.substr(0, text.find_first_of("#?"));
  for (const std::string_view archive : {".tgz", ".tar.gz", ".cnb", ".zip"})
    if (path.ends_with(archive))
      return refuse(text, "is an archive: give the URL of its git repository, or commit it");
  return in_git(text);
}

}  // namespace

std::string BuildpackSource::shown() const {
  switch (kind) {
    case Kind::installed:
      return reference.empty() ? name : name + "@" + reference;
    case Kind::app:
      return "./" + name;
    case Kind::image:
      return "docker://" + name;
    case Kind::git:
      break;
  }
  return without_credentials(name) + (reference.empty() ? "" : "#" + reference);
}

std::string without_credentials(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == url.npos) return std::string(url);
  const auto start = scheme + 3;
  const std::string_view host = url.substr(start, url.find('/', start) - start);
  const auto at = host.rfind('@');
  if (at == host.npos) return std::string(url);
  return std::string(url.substr(0, start)) + std::string(url.substr(start + at + 1));
}

Result<BuildpackSource> parse_buildpack_source(std::string_view text) {
  if (text.empty()) return Error{ErrorKind::invalid, "a buildpack has no name"};
  if (text.size() > longest_source) return refuse(text, "has a name that is too long");
  if (!is_plain(text)) return refuse(text, "holds a space, a quote or a control character");
  for (const std::string_view prefix : {"urn:cnb:builder:", "from=builder:"})
    if (text.starts_with(prefix)) return installed(text.substr(prefix.size()));
  if (text.starts_with("urn:cnb:registry:"))
    return refuse(text, "is of the public registry: name its image instead, docker://host/image");
  if (const auto scheme = text.find("://"); scheme != text.npos)
    return with_scheme(text, text.substr(0, scheme));
  if (is_scp_like(text)) return in_git(text);
  if (text.starts_with('.') || text.starts_with('/') || text.ends_with('/') ||
      text.ends_with(".cnb"))
    return in_app(text);
  return installed(text);
}

Result<BuildpackSource> parse_buildpack_uri(std::string_view text) {
  const bool path = text.find(':') == text.npos && !text.starts_with("from=") && !text.empty();
  if (path && is_plain(text) && text.size() <= longest_source) return in_app(text);
  return parse_buildpack_source(text);
}

std::vector<std::string> parse_buildpacks_file(std::string_view text) {
  std::vector<std::string> result;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (auto& line : lines_of(text)) {
    const auto first = line.find_first_not_of(" \t\r");
    if (first == line.npos || line[first] == '#') continue;
    result.push_back(line.substr(first, line.find_last_not_of(" \t\r") + 1 - first));
  }
  return result;
}

}  // namespace berth::builder
