#include "engine/tables/compact_id.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "engine/model/ids.hpp"

namespace revoked::engine::compact_id_test {

const std::vector<std::string>& samples() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> made = {
        "019b7ca9-8f2e-7abc-8def-0123456789ab",  // a UUID
        "019B7CA9-8F2E-7ABC-8DEF-0123456789AB",  // in upper case
        "019b7ca9-8f2e-7abc-8def-0123456789aB",  // mixed case
        "019b7ca9-8f2e-7abc-0def-0123456789ab",  // of another variant, whose bytes would look like another
                                                 // kind
        "019b7ca9-8f2e-7abc-4000-0123456789ab",  // the same
        "00000000-0000-0000-0000-000000000000",  //
        "019b7ca98f2e7abc8def0123456789ab",      // without dashes
        "019b7ca9-8f2e-7abc-8def_0123456789ab",  //
        "g19b7ca9-8f2e-7abc-8def-0123456789ab",  //
        "019b7ca9-8f2e-7abc-8def-0123456789ab0",
    };
    for (std::size_t size = 1; size <= max_owner_id_size; ++size) {
      made.push_back(std::string(size, 'a'));
      made.push_back(std::string(size - 1, 'a') + "b");
      made.push_back("b" + std::string(size - 1, 'a'));
    }
    for (int i = 0; i < 1000; ++i) made.push_back(new_key_id(i));
    const std::set<std::string> unique(made.begin(), made.end());
    return std::vector<std::string>(unique.begin(), unique.end());
  }();
  return all;
}

std::string text_of(const CompactId& id, const IdArena& arena) {
  std::string text = "kept:";
  id.append_to(text, arena);
  return text;
}

TEST(CompactId, KeepsItsText) {
  IdArena arena;
  for (const auto& text : samples()) {
    EXPECT_EQ(text_of(CompactId(IdProbe(text), arena), arena), "kept:" + text);
  }
}

TEST(CompactId, HashesAsItsProbeDoes) {
  IdArena arena;
  for (const auto& text : samples()) {
    const IdProbe probe(text);
    EXPECT_EQ(CompactId(probe, arena).hash(), probe.hash) << text;
    EXPECT_EQ(IdProbe(std::string(text)).hash, probe.hash) << text;
  }
}

TEST(CompactId, MatchesItsOwnTextOnly) {
  IdArena arena;
  const auto& texts = samples();
  std::vector<CompactId> ids;
  for (const auto& text : texts) ids.emplace_back(IdProbe(text), arena);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const IdProbe probe(texts[i]);
    for (std::size_t j = 0; j < texts.size(); ++j) {
      if (ids[j].matches(probe, arena) != (i == j)) ADD_FAILURE() << texts[i] << " and " << texts[j];
    }
  }
}

TEST(CompactId, HashesDiffer) {
  std::set<std::uint64_t> hashes;
  for (const auto& text : samples()) hashes.insert(IdProbe(text).hash);
  EXPECT_EQ(hashes.size(), samples().size());
}

TEST(CompactId, MatchesNothingElseThatAClientMaySend) {
  IdArena arena;
  const CompactId id(IdProbe("short"), arena);
  const CompactId large(IdProbe(std::string(128, 'a')), arena);
  for (const std::string& text : {std::string(), std::string(5000, 'a'), std::string("short\0", 6)}) {
    EXPECT_FALSE(id.matches(IdProbe(text), arena));
    EXPECT_FALSE(large.matches(IdProbe(text), arena));
  }
}

TEST(CompactId, KeepsEveryCharacterAtEveryPlaceOfAUuid) {
  IdArena arena;
  const std::string uuid = "019b7ca9-8f2e-7abc-8def-0123456789ab";
  for (std::size_t at = 0; at < uuid.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      auto text = uuid;
      text[at] = static_cast<char>(c);
      ASSERT_EQ(text_of(CompactId(IdProbe(text), arena), arena), "kept:" + text);
    }
  }
}

TEST(IdArena, KeepsTextsAcrossItsChunks) {
  IdArena arena;
  std::mt19937_64 random(5);
  std::vector<std::pair<std::uint64_t, std::string>> kept;
  for (int i = 0; i < 40'000; ++i) {  // about 3 MiB
    const std::string text(16 + random() % 113, static_cast<char>('a' + random() % 26));
    kept.emplace_back(arena.add(text), text);
  }
  for (const auto& [offset, text] : kept) ASSERT_EQ(arena.get(offset, text.size()), text);
}

}  // namespace revoked::engine::compact_id_test
