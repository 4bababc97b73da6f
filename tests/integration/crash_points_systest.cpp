// The engine is killed before its Nth write, sync, rename and so on, at the first start, at a later one,
// while it runs, and while it stops: afterwards it has everything that was acknowledged, and nothing else.
//
// REVOKED_TEST_ROUNDS=1 tests every point instead of a sample.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <random>

#include "tests/support/rounds.hpp"
#include "tests/support/small_segments.hpp"
#include "tests/support/strace.hpp"
#include "tests/support/witness.hpp"

namespace revoked::test::crash_points_systest {

namespace fs = std::filesystem;

// Every call that changes a file or a directory.
constexpr auto changing_calls =
    "write,pwrite64,writev,pwritev,pwritev2,fdatasync,fsync,sync_file_range,fallocate,ftruncate,rename,"
    "renameat,"
    "renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat";

// The work of an engine; it may be killed at any point of it.
struct Scenario {
  fs::path before{};                                    // a data directory to begin with; empty: none
  Witness witness{};                                    // of its content
  std::function<void(EngineProcess&, Witness&)> run{};  // starts it under options().under, and stops it
  bool attaches = false;                                // calls are counted from when it is ready
  std::vector<std::string> paths{};  // only calls that concern one of these, below the data directory
};

void work(EngineProcess& engine, Witness& witness, const std::string& name) {
  HttpClient client = engine.client();
  if (witness.ask_for_everything(client, name)) engine.stop();
}

class CrashPoints : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_trace()) GTEST_SKIP() << why_not_traced;
    ASSERT_EQ(engine_.stop(), 0);
  }

  void begin_with(const fs::path& data) {
    fs::remove_all(engine_.data_directory());
    if (!data.empty()) fs::copy(data, engine_.data_directory(), fs::copy_options::recursive);
  }
  // Keeps a copy of the data directory.
  fs::path keep(const std::string& name) {
    const auto kept = directory_ / name;
    fs::copy(engine_.data_directory(), kept, fs::copy_options::recursive);
    return kept;
  }

  Strace tracing(const Scenario& scenario) {
    Strace strace{changing_calls};
    for (const auto& path : scenario.paths) strace.paths.push_back(engine_.data_directory() / path);
    return strace;
  }

  // Runs it. Whether it completed.
  bool run(const Scenario& scenario, const Strace& strace, Witness& witness) {
    begin_with(scenario.before);
    if (!scenario.attaches) engine_.options().under = strace.command();
    try {
      scenario.run(engine_, witness);
    } catch (const std::runtime_error&) {  // it was killed before or after it was ready
    }
    engine_.options().under.clear();
    const auto code = engine_.process().wait(60s);
    EXPECT_TRUE(code == 0 || code == 128 + SIGKILL) << engine_.process().description();
    return code == 0;
  }

  void kill_everywhere(const Scenario& scenario, std::size_t usual_sample = 0) {
    auto strace = tracing(scenario);
    strace.output = directory_ / "calls";
    auto undisturbed = scenario.witness;
    attached_with_ = strace;
    ASSERT_TRUE(run(scenario, strace, undisturbed));
    ASSERT_EQ(undisturbed.unknown(), 0);
    expect_all_there(engine_, undisturbed);
    const auto points = calls_within(strace.output, engine_.data_directory());
    ASSERT_FALSE(points.empty());

    const auto seed = test_seed();
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(points.size()) + " points");
    std::vector<CallPoint> chosen;
    std::ranges::sample(points, std::back_inserter(chosen),
                        static_cast<std::ptrdiff_t>(tests_everything() ? points.size() : usual_sample),
                        std::mt19937(seed));
    std::size_t killed = 0;
    for (const auto& [call, number] : chosen) {
      SCOPED_TRACE(call + " " + std::to_string(number));
      auto at_point = tracing(scenario);
      at_point.calls = call;
      at_point.injection = "signal=KILL:when=" + std::to_string(number);
      attached_with_ = at_point;
      auto witness = scenario.witness;
      killed += run(scenario, at_point, witness) ? 0u : 1u;
      expect_all_there(engine_, witness);
      if (HasFailure()) return;
    }
    // Another thread, or another run, may have had fewer calls.
    EXPECT_GE(killed, chosen.size() / 2);
  }

  // A scenario that begins with what one run of the engine leaves.
  Scenario after_first_work() {
    Scenario scenario;
    engine_.start();
    work(engine_, scenario.witness, "first");
    scenario.before = keep("first");
    return scenario;
  }

  EngineProcess engine_{{.arguments = {"--threads", "1"}}};
  TemporaryDirectory directory_;
  Strace attached_with_;
  std::optional<AttachedStrace> tracer_;  // of a scenario that attaches
};

const std::string fat = R"(,"metadata":{"x":")" + std::string(4'000, 'x') + "\"}";

TEST_F(CrashPoints, AFirstStartMayEndAnywhere) {
  Scenario scenario;
  scenario.run = [](EngineProcess& engine, Witness& witness) {
    engine.start();
    work(engine, witness, "first");
  };
  kill_everywhere(scenario, 4);
}

TEST_F(CrashPoints, ALaterStartMayEndAnywhere) {
  auto scenario = after_first_work();
  scenario.run = [](EngineProcess& engine, Witness& witness) {
    engine.start();
    work(engine, witness, "later");
  };
  kill_everywhere(scenario, 3);
}

TEST_F(CrashPoints, WorkMayEndAnywhere) {
  auto scenario = after_first_work();
  scenario.attaches = true;
  scenario.run = [this](EngineProcess& engine, Witness& witness) {
    engine.start();
    tracer_.emplace(attached_with_, engine.process().pid());
    work(engine, witness, "later");
  };
  kill_everywhere(scenario, 3);
}

bool import_lines(HttpClient& engine, const std::string& name, int count, std::string_view more) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    auto line = json_object({{"secret", "secret-" + name + "-" + std::to_string(i)}});
    lines += line.insert(line.size() - 1, more) + "\n";
  }
  const auto answer = engine.request("POST", "/v1/keys/import", {}, lines);
  return answer.status == 200 && answer.json()["accepted"].number() == count;
}

// The size of the written part: space is allocated one MiB at a time.
std::size_t used_bytes(const fs::path& segment) {
  std::string last(1 << 20, '\0');
  const auto begin = fs::file_size(segment) - last.size();
  std::ifstream in(segment, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(begin));
  in.read(last.data(), static_cast<std::streamsize>(last.size()));
  return begin + last.find_last_not_of('\0') + 1;
}

// Until the segment is nearly full.
bool fill(HttpClient& engine, const fs::path& segment) {
  const auto is_room = [&](std::size_t bytes) { return used_bytes(segment) + bytes < (64 << 20); };
  for (int i = 0; is_room(3 << 20); ++i) {
    if (!import_lines(engine, "fat" + std::to_string(i), 400, fat)) return false;
  }
  for (int i = 0; is_room(200 << 10); ++i) {
    if (!import_lines(engine, "last" + std::to_string(i), 20, fat)) return false;
  }
  return true;
}

TEST_F(CrashPoints, ACheckpointMayEndAnywhere) {
  auto scenario = after_first_work();
  ASSERT_FALSE(fs::exists(scenario.before / "tables"));
  engine_.options().arguments.insert(engine_.options().arguments.end(), {"--checkpoint-after", "10"});
  scenario.run = [](EngineProcess& engine, Witness&) {
    engine.start();
    engine.stop();  // makes it now at the latest
    EXPECT_TRUE(fs::exists(engine.data_directory() / "tables") || engine.process().wait(60s) != 0);
  };
  scenario.paths = {"", "tables", "tables.new"};
  kill_everywhere(scenario, 4);
}

TEST_F(CrashPoints, TheNextSegmentMayBeginAnywhere) {
  if (!tests_everything()) GTEST_SKIP() << "takes at least a minute: only with REVOKED_TEST_ROUNDS";
  Witness witness;
  witness.expect_others();
  engine_.start();
  {
    HttpClient client = engine_.client();
    ASSERT_TRUE(fill(client, engine_.data_directory() / "log/00000001.segment"));
  }
  engine_.kill();
  Scenario scenario{.before = keep("full"), .witness = witness};
  scenario.run = [](EngineProcess& engine, Witness& changed) {
    engine.start();
    HttpClient client = engine.client();
    if (changed.import(client, "next", 60, fat) && changed.revoke(client, "next-i0")) engine.stop();
  };
  scenario.paths = {"log", "log/next", "log/00000001.segment", "log/00000002.segment"};
  kill_everywhere(scenario);
}

// A file is synced before it gets its name: a power loss drops what a kill does not.
void expect_synced_before_renamed(const std::string& calls, const fs::path& segment) {
  auto draft = segment;
  const auto name = draft.replace_extension(".packing").filename().native();
  const auto find = [&](const std::string& call) {
    for (auto at = calls.find(call + "("); at != calls.npos; at = calls.find(call + "(", at + 1)) {
      if (calls.substr(at, calls.find('\n', at) - at).find(name) != calls.npos) return at;
    }
    return calls.npos;
  };
  EXPECT_NE(find("rename"), calls.npos) << name;
  EXPECT_LT(find("fsync"), find("rename")) << name;
}

TEST_F(CrashPoints, PackingMayEndAnywhere) {
  auto scenario = after_first_work();
  make_segments_small(scenario.before, 6 << 10);
  const auto closed = closed_segments(scenario.before);
  ASSERT_GE(closed.size(), 2u);
  scenario.paths = {"log"};
  scenario.run = [](EngineProcess& engine, Witness&) {
    engine.start();
    eventually([&] { return are_packed(engine.data_directory()) || !engine.process().is_running(); },
               when_idle);
    engine.stop();
  };
  for (const auto& segment : closed) {
    const auto name = "log/" + segment.stem().native();
    scenario.paths.insert(scenario.paths.end(), {name + ".segment", name + ".packing"});
  }
  kill_everywhere(scenario, 4);
  const auto calls = read_file(directory_ / "calls");
  for (const auto& segment : closed) expect_synced_before_renamed(calls, segment);
  engine_.start();
  EXPECT_TRUE(eventually([&] { return are_packed(engine_.data_directory()); }, when_idle));
}

// A file left by an older version that was killed while writing it.
TEST(MasterKey, ThatWasNotWrittenToItsEndIsRefusedWithOneLine) {
  EngineProcess engine;
  ASSERT_EQ(engine.stop(), 0);
  const auto whole = read_file(engine.master_key_file());
  for (const std::size_t size : {0, 4, 20}) {
    SCOPED_TRACE(size);
    write_file(engine.master_key_file(), whole.substr(0, size));
    EXPECT_THROW(engine.start(), std::runtime_error);
    EXPECT_EQ(engine.process().wait(20s), 2) << engine.process().description();
    EXPECT_NE(
        engine.log_text().find("the master key in " + engine.master_key_file().string() + " is incomplete"),
        std::string::npos)
        << engine.log_text();
  }
  fs::remove(engine.master_key_file());
  EXPECT_NO_THROW(engine.start());
}

// The log's `end` is written by a store into a mapped page, not by a call: a kill between the sync of a block
// and that store leaves it unchanged, one during the store leaves half of a mark.
TEST(P1Durable, AMarkOfTheEndThatIsBehindOrHalfWrittenHidesNothing) {
  EngineProcess engine;
  Witness witness;
  const auto file = engine.data_directory() / "log/end";
  for (int round = 0; round < 4; ++round) {  // alternates between the two marks
    SCOPED_TRACE(round);
    const auto id = "key" + std::to_string(round);
    std::string before;
    {
      HttpClient client = engine.client();
      ASSERT_TRUE(witness.create(client, id));
      before = read_file(file);
      ASSERT_TRUE(witness.revoke(client, id));
    }
    engine.kill();
    auto end = read_file(file);
    ASSERT_NE(end, before);
    if (round % 2 == 1) {
      const auto changed = std::ranges::mismatch(end, before).in1 - end.begin();
      before.replace(0, static_cast<std::size_t>(changed) + 3, end, 0, static_cast<std::size_t>(changed) + 3);
    }
    write_file(file, before);
    ASSERT_NO_THROW(engine.start());
    HttpClient client = engine.client();
    ASSERT_EQ(witness.check(client), "") << engine.log_text();
  }
}

}  // namespace revoked::test::crash_points_systest
