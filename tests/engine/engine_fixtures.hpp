#pragma once
// Fixtures of tests of the verbs: an engine, and what it stores to.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::test {

// Over a fake disk, which a test can hold: then nothing is synced.
class FakeDiskFixture : public testing::Test {
 protected:
  ~FakeDiskFixture() override { disk_->unblock(); }  // so that a failed test ends

  void hold_the_disk() {
    disk_->block();
    engine_.create("held").value();
    disk_->wait_until_blocked();
  }

  std::shared_ptr<FakeDisk> disk_ = std::make_shared<FakeDisk>();
  Harness engine_{disk_};
};

// Over files. A restart reads everything from the journal, or only what is not in the checkpoint of the stop.
enum class StartFrom { journal, checkpoint };

class RestartFixture : public testing::TestWithParam<StartFrom> {
 protected:
  static Engine::Options options(const std::string& checkpoint_file) {
    Engine::Options options;
    if (GetParam() == StartFrom::journal) return options;
    options.checkpoint_file = checkpoint_file;
    options.checkpoint_after = 1;  // one at every stop
    return options;
  }

  revoked::test::TemporaryDirectory directory_;
  Harness engine_{directory_ / "data", options(directory_ / "tables")};
};

inline std::string name_of_start(const testing::TestParamInfo<StartFrom>& start) {
  return start.param == StartFrom::journal ? "FromJournal" : "FromCheckpoint";
}

}  // namespace revoked::engine::test
