#pragma once
// An observer outside of the engine: it makes changes, records what was acknowledged, and compares any later
// run with that. Its records decide, never the engine's own statements. Copy it to continue from a copy of
// the data directory.

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test {

class KeyObserver {
 public:
  struct Key {
    std::string id;
    std::string user;
    std::string secret;
    std::string state = "active";
    std::vector<std::string> verbs;     // in its audit trail
    std::string name;                   // after its edit
    std::string reason;                 // of its revocation
    std::string revoked_at;             // empty: not in the answer
    std::vector<std::string> outdated;  // secrets that ended by rotation
  };
  enum class Reading {
    whole,
    whole_soon,      // until then a 503
    whole_or_error,  // what cannot be read is a 5xx
  };

  // Answers from now on are from a run that began after everything before.
  void begin_run() { least_epoch_ = last_.epoch + 1; }

  // Every verb, on new keys of new users; the given number of further keys is imported, with metadata of the
  // given size, and some of these are revoked in bulk. Throws if a change is not acknowledged.
  void use_every_verb(const EngineProcess& engine, std::size_t imported, std::size_t metadata_bytes);
  // A few changes.
  void go_on(const EngineProcess& engine);

  // Verifies that many secrets that must be denied, and that many that must be allowed; each in its state.
  void expect_decisions(const EngineProcess& engine, std::size_t denied, std::size_t living,
                        std::mt19937& random) const;
  // Records and audit trails of some keys.
  void expect_records(const EngineProcess& engine, std::size_t count, Reading reading,
                      std::mt19937& random) const;

 private:
  using Range = std::pair<std::size_t, std::size_t>;
  using Answered = std::function<void(Key&, const HttpResponse&)>;

  std::string new_user() { return "user-" + std::to_string(++users_); }
  Range create(HttpClient& client, std::size_t count, const std::string& user);
  Range import(HttpClient& client, std::size_t count, std::size_t metadata_bytes);
  void change(HttpClient& client, Range range, const std::function<std::string(const Key&)>& request,
              const Answered& answered);
  void revoke(HttpClient& client, Range range);
  void revoke_user(HttpClient& client, Range range);
  void revoke_in_bulk(HttpClient& client, Range range, Range of_user);
  void acknowledge(const HttpResponse& response);

  std::vector<Key> keys_;
  engine::Position last_{};
  engine::Epoch least_epoch_ = 1;
  int users_ = 0;
};

}  // namespace revoked::test
