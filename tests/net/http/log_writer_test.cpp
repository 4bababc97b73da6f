// The thread that writes log lines, and its bounded queue.

#include "net/http/log_writer.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <thread>

#include "net/http/json_reader.hpp"
#include "net/http/log_record.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::net::log_writer_test {

using namespace std::chrono_literals;
using revoked::test::eventually;

std::string record(std::string_view message) {
  RecordBytes bytes;
  begin_record(bytes, Level::info, message);
  return std::string(bytes.view());
}

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
  ~Pipe() {
    for (const int end : ends_) ::close(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int input() const { return ends_[1]; }
  // The messages of the lines that are there. Each line must be whole.
  std::vector<std::string> read() {
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    char buffer[64 << 10];
    for (ssize_t size = 0; (size = ::read(ends_[0], buffer, sizeof buffer)) > 0;)
      unread_.append(buffer, static_cast<std::size_t>(size));
    std::vector<std::string> messages;
    for (auto end = unread_.find('\n'); end != std::string::npos; end = unread_.find('\n')) {
      const auto members = read_json_object(unread_.substr(0, end));
      EXPECT_TRUE(members) << unread_.substr(0, end);
      std::string text;
      for (const auto& member : *members) {
        if (member.name == "message" || member.name == "lines") text.append(member.text).append(" ");
      }
      messages.push_back(text.substr(0, text.size() - 1));
      unread_.erase(0, end + 1);
    }
    return messages;
  }

 private:
  int ends_[2]{};
  std::string unread_;
};

TEST(LogRing, TakesRecordsInOrderOfAnySizeAroundItsEnd) {
  LogRing ring(16);
  std::string taken;
  for (std::size_t i = 0; i < 1'000; ++i) {
    const std::string text(1 + i % 60, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(ring.push(text));
    ASSERT_TRUE(ring.push("x"));
    ASSERT_TRUE(ring.pop(taken));
    EXPECT_EQ(taken, text);
    ASSERT_TRUE(ring.pop(taken));
    EXPECT_EQ(taken, "x");
    EXPECT_FALSE(ring.pop(taken));
  }
  EXPECT_EQ(ring.take_dropped(), 0u);
}

TEST(LogRing, CountsWhatHasNoRoom) {
  LogRing ring(16);
  const std::string text(24, 'a');  // four words with its size
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(text));
  EXPECT_FALSE(ring.push(text));
  EXPECT_FALSE(ring.push("b"));
  std::string taken;
  ASSERT_TRUE(ring.pop(taken));
  EXPECT_TRUE(ring.push("b"));
  EXPECT_FALSE(ring.push(std::string(200, 'c'))) << "larger than the ring";
  EXPECT_EQ(ring.take_dropped(), 3u);
  EXPECT_EQ(ring.take_dropped(), 0u);
}

TEST(LogRing, DropsNothingThatHasRoom) {
  constexpr int threads = 4;
  constexpr int count = 100'000;
  constexpr std::uint64_t words = 1 << 10;
  LogRing ring(words);
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&ring] {
      for (int i = 0; i < count; ++i) {
        while (ring.pushed() > ring.taken() + words / 2) std::this_thread::yield();
        ring.push("x");
      }
    });
  }
  std::string taken;
  std::uint64_t dropped = 0;
  for (int left = threads * count; left > static_cast<int>(dropped);) {
    if (ring.pop(taken))
      --left;
    else
      dropped += ring.take_dropped();
  }
  for (auto& thread : all) thread.join();
  EXPECT_EQ(dropped, 0u);
}

TEST(LogWriter, WritesWholeLinesOfManyThreadsInTheOrderOfEach) {
  constexpr int threads = 4;
  constexpr int count = 200;
  Pipe pipe;
  std::vector<std::string> messages;
  const auto read = [&] {
    for (auto& message : pipe.read()) messages.push_back(std::move(message));
  };
  {
    LogWriter writer(pipe.input());
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
      all.emplace_back([&writer, t] {
        for (int i = 0; i < count; ++i)
          writer.push(record(std::to_string(t) + " " + std::to_string(i) + " " + std::string(50, 'a')));
      });
    }
    for (auto& thread : all) thread.join();
    EXPECT_TRUE(eventually([&] {
      read();
      return messages.size() == threads * count;
    })) << messages.size();
  }
  int next[threads]{};
  for (const auto& message : messages) {
    const auto thread = static_cast<std::size_t>(message.front() - '0');
    EXPECT_EQ(std::stoi(message.substr(2)), next[thread]++) << message;
  }
}

TEST(LogWriter, WritesWhatIsQueuedBeforeItEnds) {
  Pipe pipe;
  {
    LogWriter writer(pipe.input());
    for (int i = 0; i < 100; ++i) writer.push(record(std::to_string(i)));
  }
  const auto messages = pipe.read();
  ASSERT_EQ(messages.size(), 100u);
  EXPECT_EQ(messages.back(), "99");
}

TEST(LogWriter, FlushWaitsForWhatWasPushed) {
  Pipe pipe;
  LogWriter writer(pipe.input());
  EXPECT_TRUE(writer.flush(0ms));
  writer.push(record("a"));
  EXPECT_TRUE(writer.flush(10s));
  EXPECT_THAT(pipe.read(), testing::ElementsAre("a"));
}

TEST(LogWriter, DropsAndCountsWhileNobodyReadsAndTellsThatOnceSomebodyDoes) {
  Pipe pipe;
  LogWriter writer(pipe.input(), 64 << 10);
  const std::string text(1000, 'a');
  constexpr std::uint64_t count = 1'000;  // the pipe and the queue together hold far fewer
  for (std::uint64_t i = 0; i < count; ++i) writer.push(record(text));
  EXPECT_FALSE(writer.flush(50ms)) << "nobody reads";
  std::uint64_t written = 0;
  std::uint64_t dropped = 0;
  EXPECT_TRUE(eventually([&] {
    for (const auto& message : pipe.read()) {
      if (message == text)
        ++written;
      else
        dropped += std::stoull(message.substr(message.rfind(' ')));
    }
    return written + dropped == count;
  })) << written
      << " + " << dropped;
  EXPECT_GT(dropped, count / 2);
  EXPECT_TRUE(writer.flush(10s));
}

TEST(LogWriter, EndsThoughNobodyReads) {
  Pipe pipe;
  const auto from = std::chrono::steady_clock::now();
  {
    LogWriter writer(pipe.input());
    const std::string text(1000, 'a');
    for (int i = 0; i < 1'000; ++i) writer.push(record(text));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - from, LogWriter::last_wait + 10s);
}

TEST(LogWriter, LosesLinesThatNobodyCanReadAnyMore) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  LogWriter writer(ends[1]);
  writer.push(record("a"));
  EXPECT_TRUE(writer.flush(10s)) << "not a signal, nor a wait";
  ::close(ends[1]);
}

}  // namespace revoked::net::log_writer_test
