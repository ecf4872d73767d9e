// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/choose_maker.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "base/file.hpp"

using namespace berth;
using namespace berth::runtime;

namespace {

/// A directory with a program of each of these names.
struct Programs {
  TempDir directory = *TempDir::create("/tmp", "berth-makers-");
  explicit Programs(std::initializer_list<const char*> names) {
    for (const char* name : names) {
      REQUIRE(write_file(directory.path() / name, "", 0755).has_value());
    }
  }
  [[nodiscard]] std::string at(const char* name) const { return directory.path() / name; }
};

}  // namespace

TEST_CASE("nothing said is the default, and native is no program") {
  CHECK(*choose_maker("", "native") == ChosenMaker{});
  CHECK(*choose_maker("native", "crun") == ChosenMaker{});
}

TEST_CASE("a path is driven as the runtime that its file is named after") {
  const Programs some({"crun-1.21", "runsc", "runc.old"});
  CHECK(*choose_maker(some.at("crun-1.21"), "native") ==
        ChosenMaker{Maker::crun, some.at("crun-1.21")});
  CHECK(*choose_maker(some.at("runsc"), "native") == ChosenMaker{Maker::runsc, some.at("runsc")});
  CHECK(*choose_maker("", some.at("runc.old")) == ChosenMaker{Maker::runc, some.at("runc.old")});
}

TEST_CASE("the default's path is also that of its runtime's name") {
  const Programs some({"runsc"});
  CHECK(*choose_maker("runsc", some.at("runsc")) == ChosenMaker{Maker::runsc, some.at("runsc")});
}

TEST_CASE("a runtime that is not there, or that nobody can drive, is refused with what to do") {
  const Programs none({});
  CHECK(choose_maker(none.at("runc"), "native").error().message ==
        "the OCI runtime '" + none.at("runc") +
            "' is not installed on this machine: install the package runc, or choose another "
            "runtime");
  CHECK(choose_maker(none.at("runsc"), "native").error().message ==
        "the OCI runtime '" + none.at("runsc") +
            "' is not installed on this machine: put gVisor's program runsc on the server's PATH, "
            "or choose another runtime");
  CHECK(choose_maker("kata", "native").error().message ==
        "'kata' is not a runtime that Berth can drive: it is native, crun, runc or runsc, or the "
        "path of a program of such a name");
}
