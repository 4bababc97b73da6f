// The checker of histories complains of each kind of violation, and of nothing else.

#include "tests/cluster/history.hpp"

#include <gmock/gmock.h>

namespace revoked::test::history_systest {

using namespace std::chrono_literals;
using cluster::Allowed;
using cluster::Clock;
using cluster::History;
using cluster::JournalRow;
using cluster::violations;
using engine::EventType;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Verb = Change::Verb;

Clock::time_point at(int ms) { return Clock::time_point(1h + std::chrono::milliseconds(ms)); }

// Two engines: the first leads in epoch 1, the second in epoch 2, and answers for both afterwards. The last
// two revocations have no known outcome, and the journal has one of them.
class Checker : public testing::Test {
 protected:
  static Change change(Verb verb, const char* key_id, int began, int ended, engine::Position position,
                       std::size_t engine = 0) {
    return {verb, {key_id, ""}, at(began), at(ended), position, engine};
  }
  Change& of(const char* key_id, Verb verb = Verb::revoke) {
    return *std::ranges::find_if(history_.changes,
                                 [&](auto& each) { return each.key.key_id == key_id && each.verb == verb; });
  }
  void allow(const char* key_id, int asked, std::optional<std::size_t> engine, engine::Position as_of = {}) {
    history_.allowed.push_back({"here", engine, key_id, at(asked), 100ms, as_of});
  }
  std::vector<std::string> found() const { return violations(history_, journal_); }

  History history_{{
      change(Verb::create, "a", 0, 10, {1, 2}),
      change(Verb::create, "b", 5, 10, {1, 3}),
      change(Verb::revoke, "a", 20, 30, {1, 4}),
      change(Verb::create, "c", 25, 33, {1, 5}),
      change(Verb::create, "d", 33, 36, {1, 6}),
      change(Verb::revoke, "b", 40, 60, {2, 8}, 1),
      change(Verb::revoke, "c", 40, 90, {}, 1),
      change(Verb::revoke, "d", 61, 90, {}, 0),
  }};
  std::vector<JournalRow> journal_{
      {1, 3, 1, {{EventType::epoch_started}, {EventType::key_created, "a"}, {EventType::key_created, "b"}}},
      {4,
       6,
       1,
       {{EventType::key_revoked, "a"}, {EventType::key_created, "c"}, {EventType::key_created, "d"}}},
      {7, 9, 2, {{EventType::epoch_started}, {EventType::key_revoked, "b"}, {EventType::key_revoked, "c"}}}};
};

TEST_F(Checker, FindsNothingWrong) {
  allow("a", 29, 0);           // before the acknowledgement
  allow("a", 130, 1, {1, 3});  // another engine, within the bound, without that position
  allow("a", 130, {});
  allow("c", 500, 1);
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(Checker, FindsAGap) {
  journal_[1].first = 5;
  journal_[1].events.erase(journal_[1].events.begin());
  EXPECT_THAT(found(), testing::Contains("the journal has 1-5 after 3"));
}

TEST_F(Checker, FindsRowsThatAreTooShort) {
  journal_[0].events.pop_back();
  EXPECT_THAT(found(), testing::Contains("the row at 1-1 has 2 events up to 3"));
}

TEST_F(Checker, FindsEpochsThatGoBackOrHaveNoFence) {
  journal_.push_back({10, 10, 1, {{EventType::attempt_refused}}});
  EXPECT_THAT(found(), ElementsAre("the journal has 1-10 after epoch 2", "the epoch of 1-10 has no fence"));
  journal_.back() = {10, 10, 2, {{EventType::epoch_started}}};
  EXPECT_THAT(found(), ElementsAre("the epoch of 2-10 begins twice"));
}

TEST_F(Checker, FindsAChangeThatWasLost) {
  journal_[1].events[0].key_id = "d";
  EXPECT_THAT(found(), ElementsAre("the revocation of a at engine 0 was acknowledged at 1-4, and is not in "
                                   "the journal"));
  journal_[0].events[2].key_id = "e";
  EXPECT_THAT(found(), testing::Contains(HasSubstr("the creation of b at engine 0 was acknowledged at 1-3")));
}

TEST_F(Checker, FindsAChangeAtAnotherPosition) {
  of("a").position = {1, 5};
  EXPECT_THAT(found(), ElementsAre("the revocation of a at engine 0 was acknowledged at 1-5, and the journal "
                                   "has it at 1-4"));
}

TEST_F(Checker, FindsAChangeThatIsThereTwiceOrThatNobodyAskedFor) {
  journal_[2].events[2].key_id = "b";
  EXPECT_THAT(found(), ElementsAre("the journal has the same change of b at 2-8 and at 2-9"));
  journal_[2].events[2].key_id = "e";
  EXPECT_THAT(found(), ElementsAre("nobody asked for the revocation of e at 2-9"));
}

TEST_F(Checker, FindsTwoEnginesThatAcknowledgeAtATime) {
  of("d", Verb::create).began = at(70);
  of("d", Verb::create).ended = at(80);
  EXPECT_THAT(found(), ElementsAre("the creation of d at engine 0 was acknowledged at 1-6, and asked for 10 "
                                   "ms after the revocation of b at engine 1 was acknowledged at 2-8: two "
                                   "engines led at that time"));
}

TEST_F(Checker, FindsAnOrderThatIsNotThatOfTheAcknowledgements) {
  of("c", Verb::create).began = at(37);
  EXPECT_THAT(found(), ElementsAre(HasSubstr("asked for 1 ms after the creation of d")));
}

TEST_F(Checker, FindsAKeyThatIsAllowedTooLate) {
  allow("a", 31, 0);
  EXPECT_THAT(found(), ElementsAre("here allowed a, asked 1 ms after the revocation of a at engine 0 was "
                                   "acknowledged at 1-4 by itself"));
  history_.allowed.clear();
  allow("a", 31, 1);
  history_.allowed.back().is_of_leader = true;
  EXPECT_THAT(found(), ElementsAre(HasSubstr("by an engine that led")));
  history_.allowed.clear();
  allow("a", 131, {});
  EXPECT_THAT(found(), ElementsAre(HasSubstr("later than its bound of 100 ms")));
  history_.allowed.clear();
  allow("a", 31, 1, {1, 4});
  EXPECT_THAT(found(), ElementsAre(HasSubstr("asked 1 ms after the revocation of a at engine 0 was "
                                             "acknowledged at 1-4, as of 1-4")));
}

TEST_F(Checker, FindsTheLongestSilence) {
  std::vector<Acknowledged> revocations;
  for (const int time : {10, 20, 90, 100, 130}) revocations.push_back({{}, {}, at(time)});
  EXPECT_EQ(cluster::longest_silence(revocations, at(50), at(120)), 70ms);
  EXPECT_EQ(cluster::longest_silence(revocations, at(92), at(120)), 30ms);
  EXPECT_EQ(cluster::longest_silence(revocations, at(95), at(300)), 170ms);
  EXPECT_EQ(cluster::longest_silence({}, at(50), at(120)), 70ms);
}

}  // namespace revoked::test::history_systest
