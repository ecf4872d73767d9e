// SPDX-License-Identifier: Apache-2.0
#include "builder/image_fetch.hpp"

#include <algorithm>
#include <chrono>

#include "base/child_process.hpp"
#include "builder/oci.hpp"

namespace berth::builder {

namespace {

constexpr std::string_view without_tls = "http://";
constexpr std::chrono::minutes longest_wait{5};
constexpr std::size_t longest_output = 1 << 20;

}  // namespace

std::string repository_of(const std::string& name) {
  std::string result = name.substr(0, name.find('@'));
  const auto colon = result.rfind(':');
  if (colon != result.npos && result.find('/', colon) == result.npos) result.resize(colon);
  return result;
}

Result<ImageFetch> ImageFetch::open(const BuildContext& context, const std::string& name) {
  const std::string host = name.substr(0, name.find('/'));
  for (const auto& entry : context.request.registries) {
    const bool tls = !entry.starts_with(without_tls);
    if (entry.substr(tls ? 0 : without_tls.size()) == host) return ImageFetch(context, name, tls);
  }
  return Error{ErrorKind::forbidden, "the buildpack docker://" + name +
                                         " is in a registry that this platform does not use. Its "
                                         "operator can add " +
                                         host + " to images.registries in berth.yaml"};
}

Result<std::string> ImageFetch::skopeo(std::vector<std::string> words) const {
  Command command{.argv = {"skopeo", "--override-os", "linux"}};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  const auto wait = std::min<std::chrono::milliseconds>(context_.time_left(), longest_wait);
  auto output = run_program(std::move(command), {}, wait, longest_output, &context_.cancel);
  if (output.has_error() && output.error().kind == ErrorKind::cancelled)
    return Error{ErrorKind::cancelled, "the build was cancelled"};
  if (output.has_error()) return output.error().context("fetch docker://" + name_);
  if (output->status.success()) return std::move(output->out);
  std::string reason = output->err.substr(0, 600);
  while (reason.ends_with('\n')) reason.pop_back();
  return Error{ErrorKind::unavailable,
               "the buildpack docker://" + name_ + " could not be fetched: " + reason};
}

Result<std::string> ImageFetch::resolve() const {
  std::vector<std::string> words = {"inspect", "--no-tags", "--format", "{{.Digest}}"};
  if (!tls_) words.emplace_back("--tls-verify=false");
  words.push_back("docker://" + name_);
  BERTH_ASSIGN(std::string digest, skopeo(std::move(words)));
  while (digest.ends_with('\n')) digest.pop_back();
  if (!is_digest(digest))
    return Error{ErrorKind::invalid, "docker://" + name_ + " has no digest that we know"};
  return digest;
}

Result<void> ImageFetch::fetch(const std::string& digest,
                               const std::filesystem::path& layout) const {
  std::vector<std::string> words = {"copy", "--quiet"};
  if (!tls_) words.emplace_back("--src-tls-verify=false");
  words.push_back("docker://" + repository_of(name_) + "@" + digest);
  words.push_back("oci:" + layout.string() + ":buildpackage");
  BERTH_TRY(skopeo(std::move(words)));
  return {};
}

}  // namespace berth::builder
