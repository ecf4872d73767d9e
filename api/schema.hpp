// SPDX-License-Identifier: Apache-2.0
//
// `GET /schema`: the OpenAPI 3.1 document, made of the route table and the shapes in shapes.cpp, so
// that it cannot fall behind either.
#pragma once

#include <string>
#include <string_view>

#include "api/settings.hpp"
#include "base/json.hpp"

namespace berth::api {

/// The shapes, in the notation that shapes.cpp explains.
[[nodiscard]] std::string shape_text();
[[nodiscard]] std::string_view settings_shapes();  ///< a part of it

/// JSON Schemas by name. The text is ours: a mistake in it is an assertion.
[[nodiscard]] json::object parse_shapes(std::string_view text);

[[nodiscard]] json::object openapi_document(const Settings& settings);

}  // namespace berth::api
