// SPDX-License-Identifier: Apache-2.0
#include "api/schema.hpp"

#include <algorithm>
#include <set>

#include "api/route_table.hpp"

namespace berth::api {

namespace {

json::object reference_to(std::string_view shape) {
  return {{"$ref", "#/components/schemas/" + std::string(shape)}};
}

json::object nullable(json::object schema) {
  return {{"anyOf", {std::move(schema), {{"type", "null"}}}}};
}

json::object enumeration(std::string_view words) {
  json::array values;
  while (!words.empty()) {
    const auto bar = words.find('|');
    const std::string_view word = words.substr(0, bar);
    BERTH_ASSERT(word.size() > 2 && word.front() == '"' && word.back() == '"');
    values.push_back(json::value(std::string(word.substr(1, word.size() - 2))));
    words.remove_prefix(bar == std::string_view::npos ? words.size() : bar + 1);
  }
  return {{"type", "string"}, {"enum", std::move(values)}};
}

json::object type_schema(std::string_view type) {
  BERTH_ASSERT(!type.empty());
  if (type.ends_with('?')) return nullable(type_schema(type.substr(0, type.size() - 1)));
  const std::string_view inner = type.size() > 2 ? type.substr(1, type.size() - 2) : type;
  if (type.front() == '[') return {{"type", "array"}, {"items", type_schema(inner)}};
  if (type.front() == '{')
    return {{"type", "object"}, {"additionalProperties", type_schema(inner)}};
  if (type.front() == '"') return enumeration(type);
  if (type == "any") return {};
  if (type == "uuid") return {{"type", "string"}, {"format", "uuid"}};
  if (type == "time") return {{"type", "string"}, {"format", "date-time"}};
  if (type.front() >= 'A' && type.front() <= 'Z') return reference_to(type);
  return {{"type", std::string(type)}};
}

void add_field(json::object& shape, std::string_view line) {
  const auto space = line.find(' ');
  BERTH_ASSERT(space != std::string_view::npos);
  std::string_view name = line.substr(0, space);
  const bool optional = name.ends_with('?');
  if (optional) name.remove_suffix(1);
  shape["properties"].as_object()[name] = type_schema(line.substr(space + 1));
  if (!optional) shape["required"].as_array().push_back(json::value(std::string(name)));
}

json::object content(std::string_view media_type, json::object schema) {
  return {{std::string(media_type), {{"schema", std::move(schema)}}}};
}

/// What a route's `answer` says, as OpenAPI has it.
json::object answer_of(const Route& route) {
  json::object answer{{"description", std::string(route.summary)}};
  if (route.answer == "text")
    answer["content"] = content("text/plain", {{"type", "string"}});
  else if (route.answer == "events")
    answer["content"] = content("text/event-stream", {{"type", "string"}});
  else if (route.answer == "git")
    answer["content"] =
        content("application/octet-stream", {{"type", "string"}, {"format", "binary"}});
  else if (route.answer != "websocket")
    answer["content"] = content("application/json", type_schema(route.answer));
  return answer;
}

json::array parameters_of(std::string_view pattern) {
  json::array parameters;
  for (auto open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    const auto close = pattern.find('}', open);
    parameters.push_back({{"name", std::string(pattern.substr(open + 1, close - open - 1))},
                          {"in", "path"},
                          {"required", true},
                          {"schema", {{"type", "string"}}}});
  }
  return parameters;
}

/// "GET /apps/{app}/dynos" → "get_apps_app_dynos"
std::string operation_id(const Route& route) {
  std::string id = lower_case(route.method);
  for (const char c : route.pattern) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (letter || c == '~')
      id += c == '~' ? 'i' : c;
    else if (!id.ends_with('_'))
      id += '_';
  }
  while (id.ends_with('_')) id.pop_back();
  return id;
}

json::object operation(const Route& route) {
  json::object result{{"operationId", operation_id(route)},
                      {"summary", std::string(route.summary)},
                      {"parameters", parameters_of(route.pattern)},
                      {"responses",
                       {{std::to_string(route.status), answer_of(route)},
                        {"default",
                         {{"description", "An error"},
                          {"content", content("application/json", reference_to("Error"))}}}}}};
  if (!route.takes.empty())
    result["requestBody"] = {{"content", content("application/json", reference_to(route.takes))}};
  if (route.access == Access::open) result["security"] = json::array{};
  return result;
}

}  // namespace

json::object parse_shapes(std::string_view text) {
  json::object shapes;
  std::string current;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    if (line.starts_with("  ")) {
      add_field(shapes.at(current).as_object(), line.substr(2));
      continue;
    }
    const auto equals = line.find(" = ");
    current = std::string(line.substr(0, equals));
    shapes[current] = equals != std::string_view::npos
                          ? type_schema(line.substr(equals + 3))
                          : json::object{{"type", "object"},
                                         {"properties", json::object{}},
                                         {"required", json::array{}},
                                         {"additionalProperties", false}};
  }
  return shapes;
}

json::object openapi_document(const Settings& settings) {
  json::object paths;
  for (const Route& route : all_routes()) {
    json::value& path = paths[route.pattern];
    if (!path.is_object()) path = json::object{};
    path.get_object()[lower_case(route.method)] = operation(route);
  }
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "Berth"}, {"version", settings.version}}},
          {"servers", json::array{json::object{{"url", "/"}}}},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", parse_shapes(shape_text())},
            {"securitySchemes",
             {{"token", {{"type", "http"}, {"scheme", "bearer"}}},
              {"password", {{"type", "http"}, {"scheme", "basic"}}},
              {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "berth_session"}}}}}}},
          {"security", json::array{json::object{{"token", json::array{}}},
                                   json::object{{"password", json::array{}}},
                                   json::object{{"session", json::array{}}}}}};
}

}  // namespace berth::api
