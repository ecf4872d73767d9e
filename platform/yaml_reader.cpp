// SPDX-License-Identifier: Apache-2.0
#include "platform/yaml_reader.hpp"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>

#include "base/nearest.hpp"

namespace berth::platform {

namespace {

std::string_view kind_of(const YAML::Node& node) {
  if (node.IsMap()) return "a section with keys";
  if (node.IsSequence()) return "a list";
  if (node.IsScalar()) return "a single value";
  return "nothing";
}

/// Where the second document of a stream begins. LoadAll() of yaml-cpp 0.7 is no way to
/// ask: it loops without end on some documents, ", a" among them, that give an empty
/// one and consume nothing.
std::optional<YAML::Mark> second_document(const std::string& yaml) {
  struct Starts final : YAML::EventHandler {
    YAML::Mark last;
    void OnDocumentStart(const YAML::Mark& mark) override { last = mark; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
  } starts;
  std::istringstream stream(yaml);
  YAML::Parser parser(stream);
  if (!parser.HandleNextDocument(starts) || !parser.HandleNextDocument(starts)) return std::nullopt;
  return starts.last;
}

/// Of a key or value, safe to print.
std::string shown(std::string_view text) {
  std::string result(text.substr(0, 40));
  std::ranges::replace_if(result, [](char c) { return c >= 0 && c < 32; }, '?');
  return "'" + result + (text.size() > 40 ? "…'" : "'");
}

}  // namespace

Error YamlReader::at(const YAML::Mark& mark, std::string_view message) const {
  // yaml-cpp counts from 0; editors count from 1.
  std::string place = file_name_;
  if (!mark.is_null())
    place += ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
  return {ErrorKind::invalid, place + ": " + std::string(message)};
}

Error YamlReader::refuse(const YamlValue& value, std::string_view why) const {
  // An absent value stands nowhere: its key does.
  const YAML::Mark mark = value.node.IsNull() ? value.key_mark : value.node.Mark();
  return at(mark,
            value.name.empty() ? std::string(why) : shown(value.name) + " " + std::string(why));
}

Result<void> YamlReader::read(std::string_view yaml, const Section& root) const {
  const std::string text(yaml);
  YAML::Node document;
  try {
    document = YAML::Load(text);
    if (const auto mark = second_document(text))
      return at(*mark, "more than one document: nothing may follow the first");
  } catch (const YAML::Exception& failure) {
    return at(failure.mark, "not valid YAML: " + failure.msg);
  }
  return read_section({document, document.Mark(), ""}, root);
}

Result<void> YamlReader::read_section(const YamlValue& value, const Section& section) const {
  return read_map(value, [&](const std::string& key, const YamlValue& entry) -> Result<void> {
    const auto known = std::ranges::find(section, key, &Section::value_type::first);
    if (known != section.end()) return known->second(entry);
    std::vector<std::string> names;
    for (const auto& [name, read] : section) names.emplace_back(name);
    std::string message = "unknown key " + shown(key);
    if (!value.name.empty()) message += " in " + shown(value.name);
    if (const auto meant = nearest(key, names); !meant.empty())
      message += ". Did you mean '" + meant + "'?";
    return at(entry.key_mark, message);
  });
}

Result<void> YamlReader::read_map(
    const YamlValue& value,
    const std::function<Result<void>(const std::string&, const YamlValue&)>& read) const {
  if (value.node.IsNull()) return {};  // all its keys are commented out
  if (!value.node.IsMap())
    return refuse(value, "must be a section with keys, not " + std::string(kind_of(value.node)));
  std::set<std::string> seen;
  for (const auto& entry : value.node) {
    if (!entry.first.IsScalar()) return at(entry.first.Mark(), "a key must be a single word");
    const std::string& key = entry.first.Scalar();
    if (!seen.insert(key).second)
      return at(entry.first.Mark(), "the key " + shown(key) + " stands twice");
    const std::string name = value.name.empty() ? key : value.name + "." + key;
    BERTH_TRY(read(key, {entry.second, entry.first.Mark(), name}));
  }
  return {};
}

Result<std::string> YamlReader::scalar(const YamlValue& value, std::string_view what) const {
  if (value.node.IsScalar()) return value.node.Scalar();
  return refuse(value,
                "must be " + std::string(what) + ", not " + std::string(kind_of(value.node)));
}

YamlReader::Read YamlReader::section(Section keys) const {
  return
      [this, keys = std::move(keys)](const YamlValue& value) { return read_section(value, keys); };
}

YamlReader::Read YamlReader::flag(bool& target) const {
  return parsed<bool>(target, "true or false", [](std::string_view text) -> Result<bool> {
    if (text == "true") return true;
    if (text == "false") return false;
    return Error{ErrorKind::invalid, "must be true or false, not " + shown(text)};
  });
}

}  // namespace berth::platform
