#pragma once
// What a request has read about keys that left the tables. The verbs do not wait for the disk: a verb that
// needs such a key records that here and returns errc::not_recalled, without any change that a repetition
// would do again. Engine::recall() reads what was recorded, and the verb is called again.
//
// The same for the answer that was kept to a request which is repeated (Engine::keep_reply).
//
// Not thread-safe.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/model/decision.hpp"
#include "engine/tables/forgotten_filter.hpp"

namespace revoked::engine {

struct RecalledKey {
  KeyDescription description;
  Sequence created = 0;
  Sequence revoked = 0;     // by its own event
  Sequence revoked_by = 0;  // the first event that revoked it; 0: it has expired
};

class Recalled {
 public:
  // The key, or null: there is none. Empty: not known yet; recorded as wanted.
  std::optional<const RecalledKey*> find(Forgotten kind, std::string_view text) {
    const auto found = known_.find({kind, std::string(text)});
    if (found != known_.end() && (found->second.key || Clock::now() < found->second.good_until))
      return found->second.key.get();
    wanted_.emplace_back(kind, text);
    return {};
  }
  // The result of a recall. Must have been recalled.
  std::shared_ptr<const RecalledKey> get(Forgotten kind, std::string_view text) const {
    return known_.at({kind, std::string(text)}).key;
  }
  // What is kept under the name of this request; empty: nothing. No value: not known yet; recorded as wanted.
  std::optional<std::string_view> find_reply(std::string_view name) {
    if (reply_) return *reply_;
    reply_name_ = name;
    return {};
  }
  const std::string& wanted_reply() const { return reply_name_; }
  void set_reply(std::string reply) {
    reply_name_.clear();
    reply_ = std::move(reply);
  }
  // The verb must be called again, even if there is nothing to read.
  void ask_again() { is_to_ask_again_ = true; }
  bool is_wanting() const { return is_to_ask_again_ || !wanted_.empty() || !reply_name_.empty(); }

  using Wanted = std::pair<Forgotten, std::string>;
  std::vector<Wanted> take_wanted() {
    is_to_ask_again_ = false;
    return std::exchange(wanted_, {});
  }
  void clear() { known_.clear(); }
  void set(Wanted asked, std::shared_ptr<const RecalledKey> key) {
    known_[std::move(asked)] = {std::move(key), Clock::now() + good_for};
  }

 private:
  using Clock = std::chrono::steady_clock;
  // How long "no such key" is valid: a new key stays longer in the tables (Engine::forget_if_due).
  static constexpr std::chrono::milliseconds good_for{500};
  struct Known {
    std::shared_ptr<const RecalledKey> key;
    Clock::time_point good_until;
  };

  std::map<Wanted, Known> known_;
  std::vector<Wanted> wanted_;
  std::string reply_name_;  // wanted; empty: none is
  std::optional<std::string> reply_;
  bool is_to_ask_again_ = false;
};

}  // namespace revoked::engine
