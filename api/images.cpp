// SPDX-License-Identifier: Apache-2.0
//
// The images that people brought, by name: bases for Dockerfiles, and what `image.reference` of a
// build names.
#include "api/handlers.hpp"

namespace berth::api {

namespace {

json::object shown(const StoredImage& image) {
  return {{"name", image.name},
          {"digest", image.digest},
          {"size", image.size_bytes},
          {"layers", image.layers}};
}

}  // namespace

Task<Answer> list_images(Call call, Exchange*) {
  const auto images = co_await call.control().stored_images();
  if (images.has_error()) co_return images.error();
  json::array all;
  for (const StoredImage& image : *images) all.push_back(shown(image));
  co_return json_response(all);
}

Task<Answer> import_image(Call call, Exchange*) {
  const auto url = require_string(call.body, "archive");
  if (url.has_error()) co_return invalid_params(url.error().message);
  const auto slash = url->rfind('/');
  const auto image = co_await call.control().import_image(
      url->substr(slash == std::string::npos ? 0 : slash + 1),
      optional_string(call.body, "name").value_or(""));
  if (image.has_error()) co_return image.error();
  co_return json_response(shown(*image), 201);
}

Task<Answer> remove_image(Call call, Exchange*) {
  auto removed = co_await call.control().remove_image(call.param("image"));
  const auto image = or_missing(std::move(removed), "image");
  if (image.has_error()) co_return image.error();
  co_return json_response(shown(*image));
}

}  // namespace berth::api
