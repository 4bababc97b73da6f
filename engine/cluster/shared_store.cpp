#include "engine/cluster/shared_store.hpp"

namespace revoked::engine {

result<void> SharedStore::begin_appending(const PostgresLog::Tail& tail, const PostgresLog& lead) {
  tail_ = tail;
  return log_.connect_to_server_of(lead);
}

result<void> SharedStore::append(const BatchView& batch) {
  const auto fail = [&](std::string why) {
    const MutexLock lock(mutex_);
    failure_ = std::move(why);
    return errc::storage_failed;
  };
  if (!standing_.may_append()) return fail("the lease is over");
  const auto appended = log_.append(batch, tail_);
  if (!appended) return fail(log_.failure());
  // Another engine may lead by now, and have told its clients so.
  if (!standing_.may_append()) return fail("the lease ended before the journal confirmed");
  tail_ = *appended;
  return copy_->append(batch);
}

std::string SharedStore::failure() const {
  {
    const MutexLock lock(mutex_);
    if (!failure_.empty()) return failure_;
  }
  return copy_->failure();
}

}  // namespace revoked::engine
