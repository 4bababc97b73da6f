// GET /v1/backup of a running engine, unpacked with tar as an operator would, and an engine started on it.

#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>
#include <random>

#include "tests/support/key_observer.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/revocation_load.hpp"
#include "tests/support/rounds.hpp"

namespace revoked::test::backup_systest {

namespace fs = std::filesystem;
using Reading = KeyObserver::Reading;
using Clock = std::chrono::steady_clock;

constexpr std::string_view path = "/v1/backup";

struct Archive {
  engine::Position position;
  std::string bytes;
};

Archive back_up(const EngineProcess& engine) {
  auto client = engine.client();
  auto answer = client.get(path);
  if (answer.status != 200) throw std::runtime_error("no backup: " + answer.body);
  return {position_of(answer), std::move(answer.body)};
}

// Whether tar succeeded.
bool unpack(std::string_view archive, const fs::path& directory) {
  fs::remove_all(directory);
  fs::create_directories(directory);
  const auto file = directory.parent_path() / "backup.tar";
  write_file(file, archive);
  const auto command = "tar -x -C " + directory.native() + " -f " + file.native() + " 2>/dev/null";
  return std::system(command.c_str()) == 0;
}

std::string journal_of(const EngineProcess& engine) {
  return engine.client().get("/v1/invalidations").json()["journal"].text();
}

// Writes until the engine has a closed segment besides the one that is being written.
void fill_a_segment(const EngineProcess& engine) {
  auto client = engine.client();
  const std::string metadata(900, 'm');
  for (int round = 0; !fs::exists(engine.data_directory() / "log/00000002.segment"); ++round) {
    std::string lines;
    for (int i = 0; i < 10'000; ++i) {
      const auto id = "filling-" + std::to_string(round) + "-" + std::to_string(i);
      lines += R"({"key_id":")" + id + R"(","secret":"secret-of-)" + id + R"(","metadata":{"m":")" +
               metadata + "\"}}\n";
    }
    ASSERT_EQ(client.request("POST", "/v1/keys/import", {}, lines).status, 200);
  }
}

// An engine that is started on backups of another one, on its own port.
class Restored {
 public:
  Restored() { engine_.stop(); }
  EngineProcess& engine() { return engine_; }
  // False: tar failed.
  bool unpack(std::string_view archive) {
    if (engine_.process().is_running()) engine_.kill();
    return backup_systest::unpack(archive, engine_.data_directory());
  }

 private:
  EngineProcess engine_;
};

// Checks what an engine started on the backup reports, besides what an observer checks.
void expect_restored(EngineProcess& restored, const Archive& archive, const EngineProcess& original) {
  auto client = restored.client();
  const auto page = client.get("/v1/invalidations").json();
  const auto now = engine::parse_position(page["position"].text()).value_or(engine::Position{});
  EXPECT_GT(now.epoch, archive.position.epoch);
  EXPECT_NE(page["journal"].text(), journal_of(original));
  // No event between the backup and its own start, which the trail does not show.
  EXPECT_EQ(now.sequence, archive.position.sequence + 1);
  const auto later = client.get("/v1/audit?after=" + to_string(archive.position)).json();
  EXPECT_EQ(later["entries"].size(), 0u);
  EXPECT_EQ(later["position"].text(), to_string(now));
}

// Revocations by others, imports that fill segments, and the observer's own changes run throughout.
TEST(P1Durable, ABackupUnderLoadHasAllThatWasAcknowledgedBefore) {
  const auto seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  EngineProcess engine;
  Restored restored;
  KeyObserver observer;
  RevocationLoad load(engine, {}, 3, RevocationLoad::Supply::endless);
  fill_a_segment(engine);
  std::vector<engine::Position> positions;
  for (unsigned round = 0; round < 2 * test_rounds(); ++round) {
    observer.use_every_verb(engine, 3'000, 900);
    auto seen = observer;
    const auto acknowledged = load.acknowledged();
    ASSERT_FALSE(acknowledged.empty());
    const auto archive = back_up(engine);
    for (const auto& each : acknowledged) ASSERT_LE(each.position.sequence, archive.position.sequence);
    if (!positions.empty()) {
      EXPECT_GT(archive.position, positions.back());
    }
    positions.push_back(archive.position);

    ASSERT_TRUE(restored.unpack(archive.bytes));
    EXPECT_FALSE(fs::exists(restored.engine().master_key_file()));
    restored.engine().start();
    expect_restored(restored.engine(), archive, engine);
    seen.begin_run();
    seen.expect_decisions(restored.engine(), 1'000, 1'000, random);
    auto client = restored.engine().client();
    // The index is rebuilt: until then a page of the trail may end before recent events.
    const auto trail = "/v1/audit?key_id=" + acknowledged.back().key.key_id;
    EXPECT_TRUE(eventually([&] { return client.get(trail).json()["entries"].size() != 0; }));
    seen.expect_records(restored.engine(), 12, Reading::whole_soon, random);
    std::vector<Acknowledged> asked(
        acknowledged.end() - std::min<std::ptrdiff_t>(500, std::ssize(acknowledged)), acknowledged.end());
    std::ranges::sample(acknowledged, std::back_inserter(asked), 2'000, random);
    for (const auto& each : asked)
      ASSERT_EQ(verify(client, each.key.secret)["state"].text(), "revoked") << to_string(each.position);
    seen.go_on(restored.engine());
    // Once more, with its own writes.
    restored.engine().kill();
    restored.engine().start();
    seen.expect_decisions(restored.engine(), 100, 100, random);
  }
  load.stop();
  EXPECT_THAT(load.surprises(), testing::IsEmpty());
  EXPECT_EQ(load.unknown(), 0u);
}

// Cut at the ends of its files, in their middle, and at random. Includes an operator who ignores the exit
// code of tar.
TEST(P11StorageFailsLoudly, ACutBackupPassesForNoWholeOne) {
  const auto seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  EngineProcess engine;
  KeyObserver observer;
  observer.use_every_verb(engine, 300, 900);
  fill_a_segment(engine);
  observer.use_every_verb(engine, 300, 900);
  const auto archive = back_up(engine);
  const auto size = archive.bytes.size();
  constexpr std::size_t block = 512;
  constexpr std::size_t mark = 2 * block;  // the header of the first file, and its first block
  const auto first = archive.bytes.find("log/00000001.segment");
  const auto second = archive.bytes.rfind("log/00000002.segment");
  ASSERT_NE(second, std::string::npos);
  ASSERT_GE(first, mark) << "without a segment nothing shows how far the journal goes";
  const auto last_event = archive.bytes.find_last_not_of('\0');
  std::vector<std::size_t> cuts{1,
                                block,
                                mark,
                                first,
                                first + block,
                                first + 2 * block,
                                second,
                                second + block,
                                second + 2 * block,
                                last_event - block,
                                last_event,
                                size - 3 * block};
  std::uniform_int_distribution<std::size_t> anywhere(mark, last_event);
  for (unsigned i = 0; i < 6 * test_rounds(); ++i) {
    cuts.push_back(anywhere(random));
    cuts.push_back(anywhere(random) / block * block);
  }
  Restored restored;
  int refused = 0;
  for (const auto cut : cuts) {
    SCOPED_TRACE("cut at byte " + std::to_string(cut) + " of " + std::to_string(size));
    const bool was_unpacked = restored.unpack(std::string_view(archive.bytes).substr(0, cut));
    if (cut < mark) {  // nothing shows that there was more
      EXPECT_FALSE(was_unpacked);
      continue;
    }
    if (refusal_of(restored.engine())) {
      ++refused;
      continue;
    }
    EXPECT_GT(cut, last_event);
    observer.expect_decisions(restored.engine(), 200, 50, random);
  }
  EXPECT_GE(refused, 20);
  ASSERT_TRUE(restored.unpack(archive.bytes));
  restored.engine().start();
  observer.expect_decisions(restored.engine(), 1'000, 100, random);
}

// Reads the answer to its end. False: it was truncated.
bool is_whole(HttpClient& client) {
  try {
    while (client.receive_piece()) {
    }
    return true;
  } catch (const ConnectionFailed&) {
    return false;
  }
}

void flip_bit(const fs::path& file, std::uint64_t at) {
  std::fstream bytes(file, std::ios::binary | std::ios::in | std::ios::out);
  bytes.seekg(static_cast<std::streamoff>(at));
  const auto was = bytes.get();
  bytes.seekp(static_cast<std::streamoff>(at));
  bytes.put(static_cast<char>(was ^ 4));
}

// Lines of the changes before may be written later.
std::ptrdiff_t lines_besides_changes(const std::string& log) {
  auto lines = std::ranges::count(log, '\n');
  for (auto at = log.find("\"verb\":"); at != log.npos; at = log.find("\"verb\":", at + 1)) --lines;
  return lines;
}

// Of a segment that no start and no caller has read for long.
TEST(P11StorageFailsLoudly, ABackupDoesNotCopyDamage) {
  EngineProcess engine;
  fill_a_segment(engine);
  const auto segment = engine.data_directory() / "log/00000001.segment";
  auto admin = engine.client();
  for (const std::uint64_t at : {200u, 700u, 8u << 20, 40u << 20}) {
    SCOPED_TRACE("byte " + std::to_string(at));
    const auto before = engine.log_text().size();
    flip_bit(segment, at);
    auto client = engine.client();
    client.send(client.format("GET", path));
    if (const auto answer = client.receive_headers(); at < 16 << 10) {
      EXPECT_EQ(answer.status, 503);
    } else {
      EXPECT_EQ(answer.status, 200);
      EXPECT_FALSE(is_whole(client));
    }
    std::string log;
    EXPECT_TRUE(eventually([&] {
      log = engine.log_text().substr(before);
      return log.find("00000001.segment has been damaged at byte ") != std::string::npos;
    })) << log;
    EXPECT_EQ(lines_besides_changes(log), 1) << log;
    // Other calls are not affected.
    EXPECT_EQ(revoke(admin, create_key(admin).key_id).status, 200);
    flip_bit(segment, at);
  }
  EXPECT_GT(back_up(engine).bytes.size(), 64u << 20);
}

// The slowest of `count` revocations.
Clock::duration slowest_revocation(HttpClient& client, int count) {
  Clock::duration slowest{};
  for (int i = 0; i < count; ++i) {
    const auto key = create_key(client);
    const auto began = Clock::now();
    EXPECT_EQ(revoke(client, key.key_id).status, 200);
    slowest = std::max(slowest, Clock::now() - began);
  }
  return slowest;
}

TEST(P13Fair, BackupsThatNobodyTakesAndOnesTakenAtOnceHoldUpNoRevocation) {
  EngineProcess engine;
  fill_a_segment(engine);
  back_up(engine);
  auto admin = engine.client();
  slowest_revocation(admin, 100);
  const auto before = engine.process().resident_bytes();
  auto idle = engine.client();
  idle.send(idle.format("GET", path));
  EXPECT_EQ(idle.receive_headers().status, 200);
  EXPECT_LT(slowest_revocation(admin, 200), 1s);
  std::atomic<bool> stopping = false;
  std::atomic<int> taken = 0;
  std::thread taker([&] {
    for (; !stopping; ++taken) {
      auto client = engine.client();
      client.send(client.format("GET", path));
      EXPECT_EQ(client.receive_headers().status, 200);
      EXPECT_TRUE(is_whole(client));
    }
  });
  while (taken < 3) EXPECT_LT(slowest_revocation(admin, 100), 1s);
  EXPECT_EQ(engine.client().get("/livez").status, 200);
  stopping = true;
  taker.join();
  EXPECT_LT(engine.process().resident_bytes(), before + (16 << 20));
}

TEST(P1Durable, SigtermEndsABackup) {
  EngineProcess engine;
  fill_a_segment(engine);
  auto idle = engine.client();
  idle.send(idle.format("GET", path));
  ASSERT_EQ(idle.receive_headers().status, 200);
  auto slow = engine.client();
  slow.send(slow.format("GET", path));
  ASSERT_EQ(slow.receive_headers().status, 200);
  std::atomic<bool> was_cut = false;
  std::thread reader([&] {
    try {
      while (slow.receive_piece())
        std::this_thread::sleep_for(1ms);  // a rate: it is still reading at the end
    } catch (const ConnectionFailed&) {
      was_cut = true;
    }
  });
  const auto began = Clock::now();
  EXPECT_EQ(engine.stop(), 0);
  EXPECT_LT(Clock::now() - began, 10s);
  reader.join();
  EXPECT_TRUE(was_cut);
  EXPECT_FALSE(is_whole(idle));
}

// The engine is restored from a backup: keys revoked before the backup are denied at once and permanently.
// Keys revoked later are active until they are revoked again: see docs/operations.md.
TEST(P14Genuine, AGatewayStartsAfreshAtAnEngineThatCameBackFromABackup) {
  EngineProcess engine;
  auto admin = engine.client();
  GatewayProcess gateway(engine);
  auto client = gateway.client();
  const auto is_allowed = [&](const CreatedKey& key) { return check(client, key.secret).status == 200; };
  const auto before = create_key(admin);
  const auto after = create_key(admin);
  const auto living = create_key(admin);
  for (const auto& key : {before, after, living}) EXPECT_TRUE(eventually([&] { return is_allowed(key); }));
  ASSERT_EQ(revoke(admin, before.key_id).status, 200);
  const auto archive = back_up(engine);
  ASSERT_EQ(revoke(admin, after.key_id).status, 200);
  create_keys(engine, 50);  // so that the same sequences are assigned again
  EXPECT_TRUE(eventually([&] { return !is_allowed(before) && !is_allowed(after); }));

  const auto master_key = read_file(engine.master_key_file());
  engine.kill();
  ASSERT_TRUE(unpack(archive.bytes, engine.data_directory()));
  write_file(engine.master_key_file(), master_key);
  engine.start();
  EXPECT_TRUE(eventually([&] {
    EXPECT_FALSE(is_allowed(before));
    return is_allowed(after) && is_allowed(living);
  }));
  auto again = engine.client();
  ASSERT_EQ(revoke(again, after.key_id).status, 200);
  EXPECT_TRUE(eventually([&] { return !is_allowed(after); }));
  EXPECT_TRUE(is_allowed(living));
  EXPECT_FALSE(is_allowed(before));
}

}  // namespace revoked::test::backup_systest
