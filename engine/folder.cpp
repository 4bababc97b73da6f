#include "engine/folder.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>

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
  sched_param parameters{};
  pthread_setschedparam(pthread_self(), SCHED_IDLE, &parameters);  // if it may not be, it runs as any other
  constexpr auto look_every = std::chrono::milliseconds(200);
  std::unique_lock lock(mutex_);
  bool at_it = false;
  while (!wake_.wait_for(lock, look_every, [this] { return stopping_.load(); })) {
    if (at_leisure_ && !is_rushed()) {
      lock.unlock();
      at_leisure_([this] { return !stopping_; });
      lock.lock();
    }
    // Once at it, until nothing is left.
    at_it = at_it || journal_.durable() >= store_.folded_to() + options_.lag;
    while (at_it && !stopping_) {
      const auto lag = journal_.durable() - store_.folded_to();
      at_it = lag != 0;
      if (!at_it || (is_rushed() && lag < options_.max_lag)) break;
      lock.unlock();
      const auto folded = fold_some();
      lock.lock();
      if (!folded) return;  // the journal's own writes will fail as well, loudly
    }
  }
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
  if (const auto written = store_.add_audit_marks(marks); !written) return written.error();
  if (const auto written = store_.fold(revocations, through); !written) return written.error();
  return through - from + 1;
}

}  // namespace revoked::engine
