// The log lines of whole programs, and whoever does not read them.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test::logs_systest {

using namespace std::chrono_literals;

// A named pipe that nobody reads until take() is called.
class StalledPipe {
 public:
  explicit StalledPipe(std::string path) : path_(std::move(path)) {
    if (::mkfifo(path_.c_str(), 0600) == 0) file_ = ::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    EXPECT_GE(file_, 0);
  }
  ~StalledPipe() { ::close(file_); }
  StalledPipe(const StalledPipe&) = delete;
  StalledPipe& operator=(const StalledPipe&) = delete;

  void take(std::string& text) const {
    char buffer[64 << 10];
    for (ssize_t size = 0; (size = ::read(file_, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(size));
  }
  // A command that runs another as the same process, with this as its standard error.
  std::vector<std::string> redirect() const { return {"/bin/sh", "-c", "exec \"$0\" \"$@\" 2>" + path_}; }

 private:
  const std::string path_;
  int file_ = -1;
};

std::int64_t count(std::string_view text, std::string_view what) {
  std::int64_t found = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

// Of all lines about dropped ones.
std::int64_t dropped(std::string_view text) {
  constexpr std::string_view member = "\"lines\":\"";
  std::int64_t all = 0;
  for (auto at = text.find("log lines were dropped"); at != text.npos;
       at = text.find("log lines were dropped", at + 1)) {
    all += std::stoll(std::string(text.substr(text.find(member, at) + member.size(), 20)));
  }
  return all;
}

TEST(Logs, NobodyWaitsForAReaderAndTheLinesThatAreDroppedAreCounted) {
  TemporaryDirectory directory;
  const StalledPipe pipe(directory / "log");
  EngineProcess engine({.under = pipe.redirect()});
  constexpr int creations = 8'000;  // more lines than the pipe and the queue hold
  const auto keys = create_keys(engine, creations);
  auto admin = engine.client();
  constexpr int revocations = 200;
  auto longest = 0ms;
  for (int i = 0; i < revocations; ++i) {
    const auto from = std::chrono::steady_clock::now();
    ASSERT_EQ(revoke(admin, keys[static_cast<std::size_t>(i)].key_id).status, 200);
    longest = std::max(longest, std::chrono::duration_cast<std::chrono::milliseconds>(
                                    std::chrono::steady_clock::now() - from));
  }
  EXPECT_LT(longest, 1s);
  std::string text;
  EXPECT_TRUE(eventually([&] {
    pipe.take(text);
    return count(text, "\"verb\":") + dropped(text) >= creations + revocations;
  })) << text.size();
  EXPECT_GT(dropped(text), 1'000);
  revoke(admin, keys.back().key_id);
  EXPECT_TRUE(eventually([&] {
    pipe.take(text);
    return text.find("\"key_id\":\"" + keys.back().key_id + "\"", text.find("log lines were dropped")) !=
           text.npos;
  })) << "the log goes on";
  EXPECT_EQ(engine.stop(), 0);
}

TEST(Logs, AnEngineEndsThoughNobodyReadsThem) {
  TemporaryDirectory directory;
  const StalledPipe pipe(directory / "log");
  EngineProcess engine({.under = pipe.redirect()});
  create_keys(engine, 1'000);
  EXPECT_EQ(engine.stop(), 0);
}

TEST(Logs, WhatIsQueuedIsWrittenAtTheEnd) {
  EngineProcess engine;
  constexpr int creations = 500;
  const auto keys = create_keys(engine, creations);
  EXPECT_EQ(engine.stop(), 0);
  EXPECT_EQ(count(engine.log_text(), "\"verb\":\"key.created\""), creations);
  EXPECT_TRUE(engine.log_text().ends_with("}\n"));
}

}  // namespace revoked::test::logs_systest
