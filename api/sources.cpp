// SPDX-License-Identifier: Apache-2.0
//
// Deploys without git, as Heroku has them: POST /sources gives a place, PUT fills it, and a build
// names it. An image comes the same way, or by its name.
#include <algorithm>
#include <cctype>

#include "api/handlers.hpp"

namespace berth::api {

namespace {

constexpr std::size_t piece_bytes = 1 << 20;
constexpr std::string_view uploads_path = "/uploads/";

/// The upload that a URL of ours names.
Outcome<std::string> upload_of(std::string_view url) {
  const auto at = url.rfind(uploads_path);
  if (at == std::string_view::npos)
    return invalid_params(
        "the URL is not one of POST /sources. Nothing is fetched from elsewhere: ask for a place "
        "there and upload the archive");
  const std::string_view id = url.substr(at + uploads_path.size());
  return std::string(id.substr(0, id.find_first_of("?/#")));
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// "SHA256:…" in any case, as Heroku's clients write it.
Task<Outcome<void>> check_sum(Call* call, std::string upload, std::string wanted) {
  wanted = lower(wanted);
  if (!wanted.starts_with("sha256:"))
    co_return invalid_params("the checksum must be SHA256: and 64 hex digits");
  const auto sum = co_await call->control().upload_checksum(upload);
  if (sum.has_error()) co_return sum.error();
  if ("sha256:" + *sum != wanted)
    co_return invalid_params("the archive's checksum is SHA256:" + *sum +
                             ", not the one that was sent: upload it again");
  co_return Outcome<void>();
}

}  // namespace

Answer create_source(Call& call) {
  BERTH_ASSIGN(const std::string id, call.control().begin_upload());
  const std::string url = call.base_url + std::string(uploads_path) + id;
  return json_response(
      json::object{{"source_blob", json::object{{"get_url", url}, {"put_url", url}}}}, 201);
}

Task<Answer> receive_upload(Call call, Exchange* exchange) {
  const std::string id = call.param("upload");
  const std::uint64_t limit = call.settings().max_upload_bytes;
  std::uint64_t written = 0;
  std::string pending;
  for (bool more = true; more;) {
    auto piece = co_await exchange->read_body();
    if (piece.has_error()) co_return piece.error();
    more = !piece->empty();
    pending += *piece;
    if (written + pending.size() > limit)
      co_return Problem(413, "request_too_large",
                        "the archive is larger than the limit of " + std::to_string(limit >> 20) +
                            " MiB (images.max_size)");
    if (more && pending.size() < piece_bytes) continue;
    const std::uint64_t count = pending.size();
    const auto stored = co_await call.control().write_upload(id, written, std::move(pending));
    if (stored.has_error()) co_return stored.error();
    written += count;
    pending.clear();
  }
  const auto finished = call.control().finish_upload(id);
  if (finished.has_error()) co_return finished.error();
  co_return json_response(json::object{});
}

Task<Answer> create_build(Call call, Exchange*) {
  const auto app = call.app();
  if (app.has_error()) co_return app.error();
  const json::object* source = optional_object(call.body, "source_blob");
  const json::object* image = optional_object(call.body, "image");
  if ((source != nullptr) == (image != nullptr))
    co_return invalid_params("give source_blob {url} or image {archive or reference}");
  const std::string& user = call.identity.token.user;
  if (image) {
    const auto archive = optional_string(*image, "archive");
    const auto reference = optional_string(*image, "reference");
    if (archive.has_value() == reference.has_value())
      co_return invalid_params("give the image's archive (a URL of POST /sources) or reference");
    std::string upload;
    if (archive) {
      auto found = upload_of(*archive);
      if (found.has_error()) co_return found.error();
      upload = std::move(*found);
    }
    const auto build = call.control().deploy_image(*app, user, upload, reference.value_or(""));
    if (build.has_error()) co_return build.error();
    co_return json_response(call.render().build(*build, call.base_url), 201);
  }
  const auto url = require_string(*source, "url");
  if (url.has_error()) co_return invalid_params("source_blob: " + url.error().message);
  const auto upload = upload_of(*url);
  if (upload.has_error()) co_return upload.error();
  if (const auto sum = optional_string(*source, "checksum"); sum && !sum->empty()) {
    const auto checked = co_await check_sum(&call, *upload, *sum);
    if (checked.has_error()) co_return checked.error();
  }
  const auto build = co_await call.control().deploy_source(*app, user, *upload);
  if (build.has_error()) co_return build.error();
  co_return json_response(call.render().build(*build, call.base_url), 201);
}

Task<Answer> upgrade_stack(Call call, Exchange*) {
  const auto app = call.app();
  if (app.has_error()) co_return app.error();
  const auto upgrade = co_await call.control().upgrade_stack(*app, call.identity.token.user);
  if (upgrade.has_error()) co_return upgrade.error();
  co_return json_response(call.render().release(upgrade->release), upgrade->changed ? 201 : 200);
}

}  // namespace berth::api
