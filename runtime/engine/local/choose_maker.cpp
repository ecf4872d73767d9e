// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/choose_maker.hpp"

#include <unistd.h>

#include <cstdlib>

#include "base/split.hpp"

namespace berth::runtime {

namespace {

/// By the name of its file, with or without a version behind it. "runsc" is no kind of "runc".
std::optional<Maker> maker_of(std::string_view name) {
  name.remove_prefix(name.rfind('/') + 1);  // npos + 1 is 0
  return maker_named(name.substr(0, name.find_first_of("-._")));
}

Error not_installed(Maker maker, std::string_view name) {
  const std::string what = "the OCI runtime '" + std::string(name) + "' is not installed on this " +
                           "machine: ";
  if (maker == Maker::runsc)
    return {ErrorKind::unavailable,
            what + "put gVisor's program runsc on the server's PATH, or choose another runtime"};
  return {ErrorKind::unavailable, what + "install the package " + std::string(name_of(maker)) +
                                      ", or choose another runtime"};
}

Result<std::string> find_program(Maker maker, std::string_view name) {
  if (name.starts_with('/')) {
    if (::access(std::string(name).c_str(), X_OK) != 0) return not_installed(maker, name);
    return std::string(name);
  }
  const char* path = std::getenv("PATH");
  for (const std::string& directory : split(path ? path : "/usr/sbin:/usr/bin:/sbin:/bin", ':')) {
    const std::string candidate = directory + "/" + std::string(name);
    if (candidate.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return not_installed(maker, name);
}

}  // namespace

Result<ChosenMaker> choose_maker(std::string_view wanted, std::string_view standard) {
  std::string_view name = wanted.empty() ? standard : wanted;
  const auto maker = maker_of(name);
  if (!maker)
    return Error{ErrorKind::invalid,
                 "'" + std::string(name) + "' is not a runtime that Berth can drive: it is " +
                     "native, crun, runc or runsc, or the path of a program of such a name"};
  if (*maker == Maker::native) return ChosenMaker{};
  if (!name.starts_with('/') && standard.starts_with('/') && maker_of(standard) == maker)
    name = standard;
  BERTH_ASSIGN(std::string program, find_program(*maker, name));
  return ChosenMaker{*maker, std::move(program)};
}

}  // namespace berth::runtime
