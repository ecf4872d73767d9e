// SPDX-License-Identifier: Apache-2.0
#include "tests/support/git_repository.hpp"

#include "base/child_process.hpp"

namespace berth::test {

Result<GitRepository> GitRepository::create(const std::filesystem::path& directory) {
  GitRepository repository(directory);
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  BERTH_TRY(repository.git({"init", "--quiet", "--bare", "--initial-branch=main", "."}));
  return repository;
}

Result<std::string> GitRepository::commit(const GitFiles& files) const {
  std::string stream =
      "commit refs/heads/main\ncommitter Test <test@example.com> 1700000000 +0000\ndata 4\ntest\n"
      "deleteall\n";
  for (const auto& [path, file] : files) {
    if (file.mode == "160000") {
      stream += "M 160000 " + file.content + " " + path + "\n";
      continue;
    }
    stream += "M " + file.mode + " inline " + path + "\ndata " +
              std::to_string(file.content.size()) + "\n" + file.content + "\n";
  }
  BERTH_TRY(git({"fast-import", "--quiet", "--force"}, std::move(stream)));
  return git({"rev-parse", "refs/heads/main"});
}

Result<std::string> GitRepository::git(const std::vector<std::string>& arguments,
                                       std::string input) const {
  Command command{.argv = {"git"},
                  .env = {{"GIT_CONFIG_GLOBAL", "/dev/null"}, {"GIT_CONFIG_SYSTEM", "/dev/null"}},
                  .working_directory = path_.string()};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  BERTH_ASSIGN(Output output, run_program(std::move(command), std::move(input)));
  if (!output.status.success())
    return Error{ErrorKind::io, "git " + arguments.front() + ": " + output.err};
  while (output.out.ends_with('\n')) output.out.pop_back();
  return std::move(output.out);
}

}  // namespace berth::test
