#include "cache/edge/engine_choice.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::engine_choice_test {

using namespace std::chrono_literals;
using Engine = EngineChoice::Engine;

class EngineChoiceTest : public testing::Test {
 protected:
  static std::vector<EngineChoice::Pointer> engines(int count) {
    std::vector<EngineChoice::Pointer> all;
    for (int i = 0; i < count; ++i)
      all.push_back(
          std::make_shared<const Engine>(Engine{std::string(1, static_cast<char>('a' + i)), {}, {}}));
    return all;
  }
  // What is used after the one in use has failed at that time.
  static std::string after_failure(EngineChoice& choice, std::chrono::milliseconds time) {
    choice.failed(choice.in_use(), "reason", at(time));
    return choice.in_use()->url;
  }
  static EngineChoice::Clock::time_point at(std::chrono::milliseconds time) {
    return EngineChoice::Clock::time_point(1h) + time;
  }
};

TEST_F(EngineChoiceTest, GoesOnWithTheNextAndAfterTheLastWithTheFirst) {
  EngineChoice choice(engines(3), 500ms);
  EXPECT_EQ(choice.in_use()->url, "a");
  EXPECT_EQ(after_failure(choice, 0s), "b");
  EXPECT_EQ(after_failure(choice, 10s), "c");
  EXPECT_EQ(after_failure(choice, 20s), "a");
}

TEST_F(EngineChoiceTest, KeepsItsOnlyEngine) {
  EngineChoice choice(engines(1), 500ms);
  choice.set_listener([](std::string_view) { ADD_FAILURE(); });
  EXPECT_EQ(after_failure(choice, 0s), "a");
  EXPECT_EQ(choice.others(), 0u);
}

TEST_F(EngineChoiceTest, IgnoresTheFailureOfAnEngineThatIsNotInUse) {
  EngineChoice choice(engines(3), 500ms);
  const auto first = choice.in_use();
  int changes = 0;
  choice.set_listener([&](std::string_view reason) {
    ++changes;
    EXPECT_EQ(reason, "reason");
  });
  for (int i = 0; i < 5; ++i) choice.failed(first, "reason", at(0s));
  EXPECT_EQ(choice.in_use()->url, "b");
  EXPECT_EQ(changes, 1);
}

TEST_F(EngineChoiceTest, PausesAfterARoundInWhichAllFailed) {
  EngineChoice choice(engines(3), 500ms);
  int changes = 0;
  choice.set_listener([&](std::string_view) { ++changes; });
  for (auto time = 0ms; time < 60s; time += 1ms) choice.failed(choice.in_use(), "reason", at(time));
  EXPECT_GT(changes, 60 * 3 * 2) << "a pause lasts half a second at most";
  EXPECT_LT(changes, 60 * 3 * 4 + 30);
}

TEST_F(EngineChoiceTest, DoesNotPauseOnceAnEngineHasStayedInUse) {
  EngineChoice choice(engines(2), 500ms);
  for (auto time = 0ms; time < 10s; time += 1ms) choice.failed(choice.in_use(), "reason", at(time));
  for (const auto time : {12s, 20s, 30s}) {
    const auto before = choice.in_use()->url;
    EXPECT_NE(after_failure(choice, time), before);
    EXPECT_EQ(after_failure(choice, time + 1ms), before);
  }
}

}  // namespace revoked::cache::engine_choice_test
