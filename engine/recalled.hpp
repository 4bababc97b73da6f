#pragma once
// What a request has found out of keys that have left the tables. The verbs do not wait for the disk: where
// one needs to know of such a key, it says so here and answers errc::not_recalled, having done nothing that
// asking again would do twice. Engine::recall() reads what is asked for, and the same is asked again.
//
// On one thread at a time.

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
  Sequence revoked = 0;     // by an event of its own
  Sequence revoked_by = 0;  // the first event that revoked it; 0: it has expired
};

class Recalled {
 public:
  // The key, or null: there is none. Nothing: that is not known yet, and will be asked for.
  std::optional<const RecalledKey*> find(Forgotten kind, std::string_view text) {
    const auto found = known_.find({kind, std::string(text)});
    if (found != known_.end() && (found->second.key || Clock::now() < found->second.good_until))
      return found->second.key.get();
    wanted_.emplace_back(kind, text);
    return {};
  }
  // Of what has just been recalled.
  std::shared_ptr<const RecalledKey> get(Forgotten kind, std::string_view text) const {
    return known_.at({kind, std::string(text)}).key;
  }
  // The same has to be asked again, whether or not there is something to read.
  void ask_again() { is_to_ask_again_ = true; }
  bool is_wanting() const { return is_to_ask_again_ || !wanted_.empty(); }

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
  // That there is no such key: one that comes and goes stays longer than that (Engine::forget_if_due).
  static constexpr std::chrono::milliseconds good_for{500};
  struct Known {
    std::shared_ptr<const RecalledKey> key;
    Clock::time_point good_until;
  };

  std::map<Wanted, Known> known_;
  std::vector<Wanted> wanted_;
  bool is_to_ask_again_ = false;
};

}  // namespace revoked::engine
