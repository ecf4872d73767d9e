// SPDX-License-Identifier: Apache-2.0
//
// COPY and ADD: what they take, from where, and whether it is known already.
#include "builder/docker_build.hpp"
#include "builder/image_process.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

bool is_address(const std::string& source) {
  return source.starts_with("http://") || source.starts_with("https://") ||
         source.starts_with("git@") || source.starts_with("ssh://") || source.starts_with("git://");
}

bool is_heredoc(const std::string& word, const Heredoc& heredoc) {
  return word.starts_with("<<") && word.find(heredoc.name) != word.npos;
}

/// What an instruction copies: names, and files that stand in the Dockerfile itself.
struct Sources {
  std::vector<std::string> patterns;
  std::vector<std::pair<std::string, std::string>> written;  ///< name → content
  std::string target;
};

Result<Sources> sources_of(const DockerState& state, const Instruction& copy) {
  BERTH_ASSIGN(std::vector<std::string> words, state.expand_all(copy));
  Sources result{.patterns = {}, .written = {}, .target = state.absolute(words.back())};
  words.pop_back();
  std::size_t next = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!copy.exec && next < copy.heredocs.size() &&
        is_heredoc(copy.words[i], copy.heredocs[next])) {
      const Heredoc& heredoc = copy.heredocs[next++];
      BERTH_ASSIGN(std::string content, state.expand_heredoc(copy, heredoc));
      result.written.emplace_back(heredoc.name, std::move(content));
    } else if (words[i].empty()) {
      return Error{ErrorKind::invalid, "a source's name comes to nothing; does its variable have a "
                                       "value?"};
    } else {
      result.patterns.push_back(std::move(words[i]));
    }
  }
  return result;
}

/// As Docker has it: a user without a group belongs to the group of the same number.
Result<std::pair<std::uint32_t, std::uint32_t>> owner_of(const std::string& text,
                                                         const std::vector<fs::path>& layers) {
  Image asked;
  asked.user = text;
  BERTH_ASSIGN(const ImageUser user, image_user(asked, layers));
  return std::pair(user.uid, text.find(':') == text.npos ? user.uid : user.gid);
}

}  // namespace

Result<DockerBuild::Origin> DockerBuild::origin(std::size_t index, const Instruction& at,
                                                const std::string& from) {
  if (from.empty()) {
    fs::path directory = source_.tree;
    if (!target_.context.empty()) directory /= target_.context;
    return Origin{.files = {.root = RootView({std::move(directory)}),
                            .ignore = ignore_,
                            .what = target_.context.empty()
                                        ? "the pushed directory"
                                        : "the directory " + target_.context,
                            .shared = false},
                  .identity = {}};
  }
  Image image;
  std::string what = "the image " + from;
  if (const auto stage = file_.find_stage(from, index)) {
    image = stages_[*stage].state->image;
    what = "the stage " + from;
  } else {
    BERTH_ASSIGN(image, resolve(at, from));
  }
  BERTH_ASSIGN(auto layers, directories(image));
  std::string identity = "layers";
  for (const auto& layer : image.layers) identity += " " + layer.diff_id;
  return Origin{.files = {.root = RootView(std::move(layers)),
                          .ignore = {},
                          .what = std::move(what),
                          .shared = true},
                .identity = std::move(identity)};
}

std::string DockerBuild::fingerprint(const Origin& from,
                                     const std::vector<CopySource>& sources) const {
  if (from.identity.empty())
    return copy_fingerprint(from.files, sources, source_.ids,
                            target_.context.empty() ? "" : target_.context + "/");
  std::string text = from.identity + "\n";
  for (const auto& source : sources) text += source.name + "\n" + source.entry.path + "\n";
  return text;
}

Result<void> DockerBuild::copy_step(std::size_t index, DockerState& state,
                                    const Instruction& copy) {
  auto wanted = sources_of(state, copy);
  if (wanted.has_error()) return fail(copy, wanted.error());
  for (const auto& source : wanted->patterns)
    if (copy.name == "ADD" && is_address(source))
      return dockerfile_error(file_.file, copy,
                              "an address cannot be added. Commit the file, or fetch it where it "
                              "is checked: 'RUN curl -fsSLo FILE URL'");
  if (copy.flag("checksum") || copy.flag("keep-git-dir"))
    return dockerfile_error(file_.file, copy,
                            "--checksum and --keep-git-dir are for addresses, which cannot be "
                            "added here");
  BERTH_ASSIGN(const auto layers, directories(state.image));
  const RootView root(layers);
  CopyOptions options{.owner = {}, .mode = {}, .unpack = copy.name == "ADD"};
  if (const auto owner = copy.flag("chown")) {
    BERTH_ASSIGN(const std::string text, state.expand(copy, *owner));
    auto found = owner_of(text, layers);
    if (found.has_error()) return fail(copy, found.error().context("--chown"));
    options.owner = *found;
  }
  if (const auto mode = copy.flag("chmod")) {
    BERTH_ASSIGN(const std::string text, state.expand(copy, *mode));
    auto parsed = parse_octal_mode(text);
    if (parsed.has_error()) return fail(copy, parsed.error());
    options.mode = *parsed;
  }

  BERTH_ASSIGN(const Origin from, origin(index, copy, copy.flag("from").value_or("")));
  auto sources = find_copy_sources(from.files, wanted->patterns);
  if (sources.has_error()) return fail(copy, sources.error());
  std::vector<std::string> key = {
      copy.name, wanted->target,
      options.owner ? std::to_string(options.owner->first) + ":" +
                          std::to_string(options.owner->second)
                    : "",
      options.mode ? std::to_string(*options.mode) : "", fingerprint(from, *sources)};
  for (const auto& [name, content] : wanted->written) {
    key.push_back(name);
    key.push_back(content);
  }
  key.emplace_back("on");
  for (const auto& layer : state.image.layers) key.push_back(layer.diff_id);
  const std::string id = docker_key(key);
  BERTH_ASSIGN(const bool reused, reuse(index, state, copy, id));
  if (reused) return {};

  BERTH_ASSIGN(const fs::path upper, fresh_directory());
  BERTH_ASSIGN(const fs::path scratch, fresh_directory());
  LayerWriter writer(upper, root, scratch, options);
  Result<void> made = wanted->patterns.empty() ? Result<void>()
                                               : writer.copy(from.files, *sources, wanted->target);
  for (const auto& [name, content] : wanted->written)
    if (!made.has_error()) made = writer.write(wanted->target, name, content);
  if (made.has_error()) return fail(copy, made.error());
  return add_layer(index, state, copy, id, upper);
}

}  // namespace berth::builder
