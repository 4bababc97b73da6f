#include "cache/edge/usage_reports.hpp"

#include <algorithm>
#include <utility>

#include "cache/bus/usage.hpp"
#include "engine/model/ids.hpp"

namespace revoked::cache {
namespace {

constexpr std::size_t bytes_a_use = 4;  // quotes and a comma, besides the id

}  // namespace

UsageReports::UsageReports(std::string gateway, NearCache& cache, DeniedAttempts& attempts, Send send,
                           LogThrottle& log)
    : cache_(cache), attempts_(attempts), send_(std::move(send)), log_(log), run_(engine::new_random_id()) {
  usage_.gateway = std::move(gateway);
}

void UsageReports::tick(Time now, engine::UnixMs at) {
  cache_.set_time(at);
  gather_uses(at);
  if (is_under_way_ || now < next_) return;
  if (batch_.empty() && !make_batch()) return;
  next_ = now + period_;
  send();
}

void UsageReports::gather_uses(engine::UnixMs at) {
  auto& uses = usage_.uses;
  const auto is_full = [&] { return use_bytes_ >= usual_usage_bytes || uses.size() == max_reported_keys; };
  if (is_full()) return;  // the cache keeps them
  next_entry_ =
      cache_.take_uses(next_entry_, entries_a_tick, at, [&](std::string_view key_id, engine::Minute minute) {
        uses.push_back({std::string(key_id), minute});
        use_bytes_ += key_id.size() + bytes_a_use;
        return !is_full();
      });
}

bool UsageReports::make_batch() {
  auto [denied, dropped] = attempts_.take(usual_usage_bytes);
  if (dropped != 0)
    log_.log("usage", std::to_string(dropped) + " denied attempts were dropped: too many keys");
  if (usage_.uses.empty() && denied.empty() && dropped == 0) return false;
  std::ranges::stable_sort(usage_.uses, {}, &engine::KeyUse::minute);
  usage_.batch = run_ + "-" + std::to_string(++batches_);
  usage_.denied = std::move(denied);
  usage_.dropped = dropped;
  batch_ = encode_usage(usage_);
  usage_.uses.clear();
  use_bytes_ = 0;
  return true;
}

void UsageReports::send() {
  is_under_way_ = true;
  send_(batch_);
}

void UsageReports::on_result(boost::system::error_code error) {
  is_under_way_ = false;
  if (!error) {
    batch_.clear();
    period_ = min_period;
    log_.log("usage", "accepted by the engine");
    return;
  }
  log_.log("usage", error.message());
  period_ = std::min(2 * period_, max_period);
  // It would be refused again.
  if (error == engine::errc::malformed) batch_.clear();
}

void UsageReports::leave(engine::UnixMs at) {
  if (is_under_way_) return;
  gather_uses(at);
  if (!batch_.empty() || make_batch()) send();
}

}  // namespace revoked::cache
