// Checkpoints of the tables, made in the background. See engine.hpp.

#include <algorithm>
#include <filesystem>

#include "engine/checkpoint_copy.hpp"
#include "engine/engine.hpp"
#include "engine/tables/checkpoint.hpp"

namespace revoked::engine {

void Engine::checkpoint_if_due(const std::function<bool()>& go_on) {
  const auto& file = options_.checkpoint_file;
  const auto due = std::max<Sequence>(options_.checkpoint_after, tables_.keys.count() / 16);
  if (file.empty() || journal_->durable() < checkpointed_ + due) return;
  if (std::chrono::steady_clock::now() < no_checkpoint_before_) return;
  make_checkpoint(go_on);
  const Journal::Turn turn(*journal_);
  tables_.keys.set_reuse(true);
}

void Engine::make_checkpoint(const std::function<bool()>& go_on) {
  constexpr auto pause_after_failure = std::chrono::minutes(1);
  const auto& file = options_.checkpoint_file;

  TablesCut cut;
  {
    const Journal::Turn turn(*journal_);
    cut = cut_tables(tables_, journal_->durable());
    tables_.keys.set_reuse(false);
  }
  // All events up to the cut must have been applied; usually they have.
  if (!edits_.are_applied(cut.sequence) || !resumptions_.are_applied(cut.sequence)) return;
  no_checkpoint_before_ = std::chrono::steady_clock::now() + pause_after_failure;
  // The journal needs the space more.
  std::error_code failed;
  const auto room = std::filesystem::space(std::filesystem::absolute(file).parent_path(), failed);
  if (failed || room.available < 4 * checkpoint_bytes(cut)) return;
  const auto wait_for_newest = [this]() -> result<Sequence> {
    const auto newest = journal_->applied();
    if (!journal_->wait_until_durable(newest)) return errc::storage_failed;
    return newest;
  };
  const auto digest_of = [this](Sequence sequence) { return digest_of_batch(*store_, sequence); };
  const auto made = write_checkpoint(file, tables_, cut, {epochs_.all(), go_on, wait_for_newest, digest_of});
  if (!made) return;
  checkpointed_ = made->sequence;
  no_checkpoint_before_ = {};
}

result<std::unique_ptr<Backup>> Engine::copy_checkpoint() const {
  return engine::copy_checkpoint(options_.checkpoint_file);
}

}  // namespace revoked::engine
