#include "engine/key_run.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace revoked::engine::key_run_test {

void add(KeyRun& run, std::string_view id, Sequence sequence) {
  EventView creation;
  creation.type = EventType::key_created;
  creation.at = 7;
  creation[Field::key_id] = id;
  creation[Field::name] = "of it";
  creation[Field::actor] = "somebody";
  run.add(sequence, creation);
}

TEST(KeyRun, IsInTheOrderOfIdsAndFindsThem) {
  // Heads that are the same, ids that are the beginning of others.
  const std::vector<std::string> ids{"b", "abcdefgh2", "abcdefgh", "abcdefgh1", "a", "abc"};
  KeyRun run;
  for (std::size_t i = 0; i < ids.size(); ++i) add(run, ids[i], i + 1);
  run.sort();
  auto sorted = ids;
  std::sort(sorted.begin(), sorted.end());
  ASSERT_EQ(run.size(), sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    EXPECT_EQ(run[i].key_id, sorted[i]);
    EXPECT_EQ(run.lower_bound(sorted[i]), i);
  }
  EXPECT_EQ(run.lower_bound("abcdefgh0"), 3u);
  EXPECT_EQ(run.lower_bound("c"), run.size());
}

TEST(KeyRun, RecordsAreReadAgain) {
  KeyRun run;
  add(run, "a", 41);
  run.sort();
  Sequence created = 0;
  EventView creation;
  ASSERT_TRUE(read_key_record("a", run[0].record, created, creation));
  EXPECT_EQ(created, 41u);
  EXPECT_EQ(creation.at, 7);
  EXPECT_EQ(creation[Field::key_id], "a");
  EXPECT_EQ(creation[Field::name], "of it");
  EXPECT_EQ(creation[Field::actor], "");  // the journal has it
  for (std::size_t size = 0; size < run[0].record.size(); ++size)
    EXPECT_FALSE(read_key_record("a", run[0].record.substr(0, size), created, creation));
}

TEST(KeyRun, SeveralAreReadAsOne) {
  std::mt19937 random(11);
  std::map<std::string, Sequence> all;
  std::vector<std::shared_ptr<const KeyRun>> runs;
  Sequence sequence = 0;
  for (const int size : {1, 50, 300}) {
    auto run = std::make_shared<KeyRun>();
    for (int i = 0; i < size; ++i) {
      const auto id = "key" + std::to_string(random());
      if (all.emplace(id, ++sequence).second) add(*run, id, sequence);
    }
    run->sort();
    runs.push_back(run);
  }
  std::vector<const KeyRun*> views;
  for (const auto& run : runs) views.push_back(run.get());
  const auto joined = KeyRun::join(*runs[0], *runs[2]);
  ASSERT_EQ(joined->size(), runs[0]->size() + runs[2]->size());
  for (std::size_t i = 1; i < joined->size(); ++i) EXPECT_LT((*joined)[i - 1].key_id, (*joined)[i].key_id);
  EXPECT_EQ((*joined)[joined->lower_bound((*runs[2])[7].key_id)].record, (*runs[2])[7].record);
  const auto merged = KeyRun::merge(views);
  ASSERT_EQ(merged.size(), all.size());
  auto expected = all.begin();
  for (const auto& entry : merged) EXPECT_EQ(entry.key_id, (expected++)->first);
  const auto middle = std::next(all.begin(), 100);
  KeyRunReader reader(runs, middle->first);
  for (expected = std::next(middle); expected != all.end(); ++expected, reader.step()) {
    ASSERT_TRUE(reader.has_entry());
    EXPECT_EQ(reader.entry().key_id, expected->first);
  }
  EXPECT_FALSE(reader.has_entry());
}

}  // namespace revoked::engine::key_run_test
