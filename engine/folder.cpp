#include "engine/folder.hpp"

#include <algorithm>
#include <chrono>
#include <tuple>

#include "engine/this_thread.hpp"

namespace revoked::engine {

Folder::Folder(Store& store, Journal& journal, Options options, Leisure at_leisure)
    : store_(store),
      journal_(journal),
      options_(options),
      at_leisure_(std::move(at_leisure)),
      seen_(journal.durable()),
      thread_([this] { run(); }) {}

Folder::~Folder() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Folder::run() {
  set_up_this_thread("folder", Urgency::idle);
  constexpr auto look_every = std::chrono::milliseconds(200);
  std::unique_lock lock(mutex_);
  auto seen = journal_.durable();
  bool is_behind = false;
  while (!wake_.wait_for(lock, look_every, [this] { return stopping_.load(); })) {
    lock.unlock();
    if (!store_.release_log()) return;  // the journal's own writes will fail as well, loudly
    use_leisure();
    lock.lock();
    const auto durable = journal_.durable();
    const bool is_quiet = durable - seen < options_.quiet;
    seen = durable;
    is_behind = is_behind || durable >= store_.folded_to() + options_.lag;
    // If it is behind, until nothing is left.
    while (!stopping_ && journal_.durable() > store_.folded_to()) {
      const auto lag = journal_.durable() - store_.folded_to();
      if (is_behind ? is_rushed() && lag < options_.max_lag
                    : !is_quiet || journal_.durable() - seen >= options_.quiet)
        break;
      lock.unlock();
      use_leisure();  // folding can take minutes
      const auto folded = fold_some();
      lock.lock();
      if (!folded) return;
    }
    is_behind = is_behind && journal_.durable() > store_.folded_to();
  }
}

void Folder::use_leisure() {
  if (at_leisure_ && !is_rushed()) at_leisure_([this] { return !stopping_; });
}

bool Folder::is_rushed() {
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::duration<double> passed = now - looked_at_;
  if (passed < std::chrono::milliseconds(100)) return rushed_;
  const auto durable = journal_.durable();
  rushed_ = static_cast<double>(durable - seen_) > passed.count() * static_cast<double>(options_.rush);
  looked_at_ = now;
  seen_ = durable;
  return rushed_;
}

result<void> Folder::fold_all() {
  while (true) {
    const auto folded = fold_some();
    if (!folded) return folded.error();
    if (*folded == 0) return {};
  }
}

result<Sequence> Folder::fold_some() {
  const std::scoped_lock lock(folding_);
  const auto from = store_.folded_to() + 1;
  const auto through = std::min(journal_.durable(), from + options_.batch - 1);
  if (through < from) return Sequence{0};
  std::vector<FoldedRevocation> revocations;
  std::vector<AuditMark> marks;
  const auto read = store_.replay(from, [&](const BatchView& batch) {
    if (batch.first() > through) return false;
    return batch.for_each([&](Sequence sequence, const EventView& event) {
      if (sequence < from || sequence > through) return;
      if (event.type == EventType::key_revoked)
        revocations.push_back({std::string(event[Field::key_id]), sequence});
      for_each_audit_mark(event, [&](AuditKind kind, std::string_view id) {
        marks.push_back({kind, std::string(id), sequence});
      });
    });
  });
  if (!read) return read.error();
  // In the order in which they will lie: much quicker to insert.
  std::sort(marks.begin(), marks.end(), [](const AuditMark& a, const AuditMark& b) {
    return std::tie(a.kind, a.id, a.sequence) < std::tie(b.kind, b.id, b.sequence);
  });
  if (const auto written = store_.add_audit_marks(marks); !written) return written.error();
  if (const auto written = store_.fold(revocations, through); !written) return written.error();
  return through - from + 1;
}

}  // namespace revoked::engine
