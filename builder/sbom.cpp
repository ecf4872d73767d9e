// SPDX-License-Identifier: Apache-2.0
#include "builder/sbom.hpp"

#include <algorithm>
#include <array>

#include "builder/layer_metadata.hpp"

namespace berth::builder {

namespace {

struct Format {
  std::string_view name;
  std::string_view media_type;
};
constexpr std::array<Format, 3> known_formats = {{{"cdx", "application/vnd.cyclonedx+json"},
                                                  {"spdx", "application/spdx+json"},
                                                  {"syft", "application/vnd.syft+json"}}};

/// Media types may carry parameters: "application/vnd.cyclonedx+json; version=1.4".
bool same_type(std::string_view declared, std::string_view type) {
  declared = declared.substr(0, declared.find(';'));
  while (declared.ends_with(' ')) declared.remove_suffix(1);
  return declared == type;
}

}  // namespace

std::string SbomFile::stored_name() const {
  return (of_layer() ? layer + "/" : std::string()) + "sbom." + format + ".json";
}

Result<std::optional<SbomFile>> parse_sbom_name(std::string_view name,
                                                const std::vector<std::string>& formats) {
  constexpr std::string_view middle = ".sbom.";
  constexpr std::string_view suffix = ".json";
  const auto at = name.rfind(middle);
  if (at == name.npos || at == 0 || !name.ends_with(suffix) ||
      name.size() <= at + middle.size() + suffix.size())
    return std::optional<SbomFile>();
  SbomFile file{.layer = std::string(name.substr(0, at)),
                .format = std::string(name.substr(
                    at + middle.size(), name.size() - at - middle.size() - suffix.size()))};
  const auto known = std::find_if(known_formats.begin(), known_formats.end(),
                                  [&](const Format& format) { return format.name == file.format; });
  if (known == known_formats.end())
    return Error{ErrorKind::invalid, std::string(name) + ": '" + file.format +
                                         "' is not a format of a bill of materials (cdx, spdx and "
                                         "syft are)"};
  if (std::none_of(formats.begin(), formats.end(), [&](const std::string& declared) {
        return same_type(declared, known->media_type);
      }))
    return Error{ErrorKind::invalid, std::string(name) + ": the buildpack does not declare " +
                                         std::string(known->media_type) +
                                         " in sbom-formats of its buildpack.toml"};
  if (file.of_layer()) BERTH_TRY(check_layer_name(file.layer));
  return std::optional(std::move(file));
}

}  // namespace berth::builder
