// SPDX-License-Identifier: Apache-2.0
#include "base/line_appender.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/file.hpp"

namespace berth {
namespace {

/// A file that takes `room` more bytes: the limit on a file's size refuses as a full disk does,
/// with the same partial write before.
class Limited {
 public:
  Limited() : directory_(TempDir::create(std::filesystem::temp_directory_path()).value()) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    file_ = open_file(path(), O_WRONLY | O_APPEND | O_CREAT).value();
  }
  ~Limited() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  void room(rlim_t bytes) const {
    rlimit limit = before_;
    limit.rlim_cur = content().size() + bytes;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  void free() const { ::setrlimit(RLIMIT_FSIZE, &before_); }
  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] std::string content() const { return read_file(path()).value(); }

 private:
  [[nodiscard]] std::filesystem::path path() const { return directory_.path() / "log"; }
  TempDir directory_;
  rlimit before_{};
  Fd file_;
};

TEST_CASE("lines that fit are written, none is lost") {
  Limited file;
  LineAppender appender;
  CHECK(appender.append(file.fd(), "one\ntwo\n", 5));
  CHECK(appender.lost() == 0);
  CHECK(file.content() == "one\ntwo\n");
}

TEST_CASE("lines without room are counted from the first on, and nobody waits") {
  Limited file;
  LineAppender appender;
  file.room(0);
  CHECK_FALSE(appender.append(file.fd(), "one\ntwo\n", 5));
  CHECK_FALSE(appender.append(file.fd(), "three\n", 9));
  CHECK(appender.lost() == 3);
  CHECK(appender.lost_since_us() == 5);
  CHECK_FALSE(appender.tell(file.fd(), "notice\n"));
  file.free();
  CHECK(appender.tell(file.fd(), "notice\n"));
  CHECK(appender.lost() == 0);
  CHECK(appender.append(file.fd(), "four\n", 10));
  CHECK(file.content() == "notice\nfour\n");
}

TEST_CASE("a line that was cut is ended before the next, and counts as lost") {
  for (rlim_t room = 0; room <= 12; ++room) {
    Limited file;
    LineAppender appender;
    file.room(room);
    const bool whole = appender.append(file.fd(), "first\nsecond\n", 5);
    CHECK_FALSE(whole);
    CHECK(appender.lost() == (room < 6 ? 2 : 1));
    file.free();
    CHECK(appender.append(file.fd(), "third\n", 6));
    const std::string written = std::string("first\nsecond\n").substr(0, room);
    const bool cut = room > 0 && room != 6;
    CHECK(file.content() == written + (cut ? "\n" : "") + "third\n");
  }
}

TEST_CASE("a file that could not be opened loses everything until it can") {
  LineAppender appender;
  CHECK_FALSE(appender.append(-1, "one\n", 1));
  CHECK(appender.lost() == 1);
}

}  // namespace
}  // namespace berth
