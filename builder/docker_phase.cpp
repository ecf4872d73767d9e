// SPDX-License-Identifier: Apache-2.0
#include "builder/docker_phase.hpp"

#include "base/file.hpp"
#include "builder/image_process.hpp"

namespace berth::builder {

namespace {

class DockerPhase final {
 public:
  DockerPhase(const BuildContext& context, const DockerChoice& choice, const DockerSource& source,
              DockerCache& cache)
      : context_(context), choice_(choice), source_(source), cache_(cache) {
    arguments_ = context.request.config_vars;
    for (const auto& [name, value] : choice.heroku.config)
      arguments_.insert_or_assign(name, value);
  }

  Result<DockerImage> run(const std::vector<ProcfileEntry>& procfile) {
    for (const auto& [type, target] : choice_.targets) BERTH_TRY(build(target));
    const std::string main = main_type(choice_);
    DockerImage result = built_.at(choice_.targets.at(main));
    BERTH_TRY(name_processes(result.image, main, procfile));
    BERTH_ASSIGN(result.image, context_.images.add_image(std::move(result.image)));
    return result;
  }

 private:
  Result<void> build(const DockerTarget& target) {
    if (built_.contains(target)) return {};
    context_.title("Building " + target.dockerfile +
                   (target.stage.empty() ? "" : ", stage " + target.stage));
    const auto scratch = context_.request.work_directory / ("docker-" + std::to_string(number_++));
    DockerBuild build(context_, source_, target, arguments_, cache_, scratch);
    BERTH_ASSIGN(DockerImage image, build.run());
    built_.emplace(target, std::move(image));
    return {};
  }

  /// A base that buildpacks made says how their launcher starts it; what is said here counts now.
  static void forget_launcher(Image& image) {
    if (image.entrypoint.empty() && image.command.empty()) return;
    std::erase_if(image.labels, [](const auto& label) {
      return label.first == "io.buildpacks.build.metadata" ||
             label.first == "io.buildpacks.lifecycle.metadata" ||
             label.first == processes_label || label.first == images_label;
    });
  }

  Result<void> name_processes(Image& image, const std::string& main,
                              const std::vector<ProcfileEntry>& procfile) {
    forget_launcher(image);
    json::object commands;
    json::object images;
    for (const auto& [type, process] : docker_processes(choice_, procfile)) {
      const DockerTarget& target = choice_.targets.at(process.image);
      Image own = built_.at(target).image;
      std::vector<std::string> command = process.command;
      if (command.empty()) {
        command = own.entrypoint;
        command.insert(command.end(), own.command.begin(), own.command.end());
      }
      if (command.empty())
        return Error{ErrorKind::invalid,
                     target.dockerfile + " says no command for the process type '" + type +
                         "'. Add a CMD to it, or a line to the section 'run' of heroku.yml"};
      commands[type] = json::array(command.begin(), command.end());
      if (target == choice_.targets.at(main)) continue;
      forget_launcher(own);
      BERTH_ASSIGN(own, context_.images.add_image(std::move(own)));
      images[type] = own.digest;
    }
    if (image.entrypoint.empty() && image.command.empty() && commands.empty())
      return Error{ErrorKind::invalid,
                   choice_.targets.at(main).dockerfile +
                       " says no command: it has neither ENTRYPOINT nor CMD. Add one, such as "
                       "'CMD [\"./server\"]', or a Procfile"};
    BERTH_TRY(with_context(check_user(image), choice_.targets.at(main).dockerfile));
    // Without a "web" among them there is none: the main image's own command is another type's.
    if (main != "web" && !commands.contains("web")) {
      image.entrypoint.clear();
      image.command.clear();
    }
    if (!commands.empty()) image.labels[std::string(processes_label)] = to_text(commands);
    if (!images.empty()) image.labels[std::string(images_label)] = to_text(images);
    return {};
  }

  /// What would fail only when it starts.
  Result<void> check_user(const Image& image) const {
    BERTH_ASSIGN(const auto layers, context_.images.directories(image));
    BERTH_ASSIGN(const ImageUser user, image_user(image, layers));
    if (user.uid == 0) context_.line("It runs as root, inside the app's own user namespace");
    return {};
  }

  const BuildContext& context_;
  const DockerChoice& choice_;
  const DockerSource& source_;
  DockerCache& cache_;
  std::map<std::string, std::string> arguments_;
  std::map<DockerTarget, DockerImage> built_;
  int number_ = 0;
};

}  // namespace

Result<DockerImage> build_dockerfiles(const BuildContext& context, const DockerChoice& choice,
                                      const std::vector<ProcfileEntry>& procfile,
                                      const DockerSource& source, DockerCache& cache) {
  return DockerPhase(context, choice, source, cache).run(procfile);
}

}  // namespace berth::builder
