// SPDX-License-Identifier: Apache-2.0
#include "cli/contexts.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "base/file.hpp"
#include "base/http_client.hpp"
#include "base/json.hpp"
#include "cli/format.hpp"

namespace berth::cli {

namespace {

Result<Context> read_context(const json::value& value) {
  const auto* object = value.if_object();
  if (!object) return Error{ErrorKind::invalid, "must be an object"};
  Context context;
  BERTH_ASSIGN(context.url, require_string(*object, "url"));
  BERTH_ASSIGN(context.token, require_string(*object, "token"));
  context.user = optional_string(*object, "user").value_or("");
  if (const auto* origins = optional_array(*object, "git"))
    for (const auto& origin : *origins)
      if (origin.is_string()) context.git_origins.emplace_back(origin.get_string());
  return context;
}

}  // namespace

const Context* Contexts::in_use() const {
  const auto found = all.find(current);
  return found == all.end() ? nullptr : &found->second;
}

std::string Contexts::at_origin(std::string_view origin) const {
  if (origin.empty()) return {};
  // The one in use first: two contexts may know the same platform.
  const auto lives_at = [origin](const Context& context) {
    return origin_of(context.url) == origin ||
           std::ranges::find(context.git_origins, origin) != context.git_origins.end();
  };
  if (const auto* context = in_use(); context && lives_at(*context)) return current;
  for (const auto& [name, context] : all)
    if (lives_at(context)) return name;
  return {};
}

Result<Contexts> parse_contexts(std::string_view text) {
  BERTH_ASSIGN(const json::object object, parse_json_object(text));
  Contexts contexts{.current = optional_string(object, "current").value_or("")};
  if (const auto* all = optional_object(object, "contexts"))
    for (const auto& [name, value] : *all) {
      auto context = read_context(value);
      if (context.has_error())
        return context.error().context("context '" + std::string(name) + "'");
      contexts.all.emplace(std::string(name), std::move(*context));
    }
  return contexts;
}

std::string contexts_text(const Contexts& contexts) {
  json::object all;
  for (const auto& [name, context] : contexts.all) {
    json::object entry{{"url", context.url}, {"token", context.token}, {"user", context.user}};
    entry["git"] = json::array(context.git_origins.begin(), context.git_origins.end());
    all[name] = std::move(entry);
  }
  return pretty_json(json::object{{"current", contexts.current}, {"contexts", std::move(all)}});
}

Result<Contexts> load_contexts(const std::filesystem::path& file) {
  const auto text = read_file(file, 1 << 20);
  if (text.has_error()) {
    if (text.error().kind == ErrorKind::not_found) return Contexts{};
    return text.error();
  }
  return with_context(parse_contexts(*text), file.string());
}

Result<void> save_contexts(const std::filesystem::path& file, const Contexts& contexts) {
  const auto directory = file.parent_path();
  if (!std::filesystem::exists(directory)) {
    BERTH_TRY(make_directories(directory));
    if (::chmod(directory.c_str(), 0700) != 0) return system_error("chmod " + directory.string());
  }
  return write_file_atomic(file, contexts_text(contexts), 0600);
}

std::string origin_of(std::string_view url) {
  const auto parsed = Url::parse(url);
  if (parsed.has_error()) return {};
  const bool default_port = parsed->port == (parsed->scheme == "https" ? 443 : 80);
  return parsed->scheme + "://" + parsed->host +
         (default_port ? "" : ":" + std::to_string(parsed->port));
}

std::string default_context_name(std::string_view url) {
  const auto parsed = Url::parse(url);
  if (parsed.has_error()) return "default";
  const std::string& host = parsed->host;
  const bool here = host == "localhost" || host.ends_with(".localhost") ||
                    host.starts_with("127.") || host == "[::1]";
  return here ? "local" : host;
}

}  // namespace berth::cli
