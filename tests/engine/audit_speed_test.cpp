// A page of the audit trail takes milliseconds, whatever is in the trail and however much is not indexed yet.

#include <gtest/gtest.h>

#include <time.h>

#include <algorithm>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::audit_speed_test {

using revoked::test::eventually;
using revoked::test::TemporaryDirectory;
using test::Harness;

constexpr int events = revoked::test::sanitized ? 20'000 : 600'000;

std::string id_of(int i) { return "fleet-" + std::to_string(i); }

void fill(Harness& harness) {
  Caller caller;
  caller.address = "127.0.0.1";
  caller.request_id = "0192f0c1-0000-7000-8000-000000000000";
  for (int i = 0; i < events; ++i) {
    const auto id = id_of(i);
    const auto user = i % 10'000 == 0 ? std::string("sparse") : "user-" + std::to_string(i % 1000);
    NewKey key;
    key.key_id = id;
    key.digest = test::digest_of(id);
    key.owners = {user, "", "acme"};
    caller.actor = i == events - 7 || i == 17 ? "rare" : "master";
    while (!harness->create(key, caller)) harness.sync();
  }
  harness.sync();
}

struct Question {
  const char* name;
  AuditQuery query;
  std::size_t matching;
};

// CPU time of this thread only: other load does not count.
double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// Reads page by page, several times; a page counts with its fastest time.
double slowest_page_ms(const Engine& engine, const Question& question) {
  std::vector<double> pages;
  for (int round = 0; round < 5; ++round) {
    auto query = question.query;
    std::size_t found = 0;
    bool more = true;
    for (std::size_t number = 0; more && number < 10; ++number) {
      const auto started = cpu_ms();
      const auto page = engine.audit(query, [&](Sequence, const EventView&) { ++found; });
      const auto taken = cpu_ms() - started;
      EXPECT_TRUE(page);
      if (!page) return 0;
      if (number == pages.size()) pages.push_back(taken);
      pages[number] = std::min(pages[number], taken);
      query.after = page->position;
      more = page->more;
    }
    if (!more) {
      EXPECT_EQ(found, question.matching) << question.name;
    }
  }
  return *std::max_element(pages.begin(), pages.end());
}

TEST(AuditSpeed, APageTakesMilliseconds) {
  const TemporaryDirectory directory;
  Harness harness(directory / "data");
  fill(harness);
  Reach elsewhere;
  elsewhere.limits[static_cast<std::size_t>(Scope::workspace)] = std::vector<std::string>{"elsewhere"};
  const std::size_t each = events / 1000;
  const std::vector<Question> questions{
      {"the first key", {id_of(2), "", "", 0, 100, nullptr}, 1},
      {"the last key", {id_of(events - 2), "", "", 0, 100, nullptr}, 1},
      {"no key", {"nothing", "", "", 0, 100, nullptr}, 0},
      {"a user", {"", "", "user-7", 0, 100, nullptr}, each},
      {"a user with an entry here and there", {"", "", "sparse", 0, 100, nullptr}, events / 10'000},
      {"the usual actor", {"", "master", "", 0, 1000, nullptr}, events - 2},
      {"a rare actor", {"", "rare", "", 0, 100, nullptr}, 2},
      {"a rare actor and a user", {"", "rare", "user-17", 0, 100, nullptr}, 1},
      {"what a stranger may see", {"", "", "", 0, 100, &elsewhere}, 0},
      {"what a stranger may see of an actor", {"", "master", "", 0, 100, &elsewhere}, 0},
  };
  const auto ask_all = [&](const char* state) {
    for (const auto& question : questions) {
      const auto taken = slowest_page_ms(harness.engine(), question);
      std::printf("%s, %s: %.2f ms\n", state, question.name, taken);
      if (!revoked::test::sanitized) {
        EXPECT_LT(taken, 100) << state << ": " << question.name;
      }
    }
  };
  ASSERT_TRUE(harness.store().wait_for_index());
  ask_all("indexed");
}

}  // namespace revoked::engine::audit_speed_test
