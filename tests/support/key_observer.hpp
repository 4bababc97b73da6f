#pragma once
// An observer outside of the engine: it makes changes, writes down what was acknowledged, and holds any later
// run against that. What it knows decides, never what the engine says of itself. Copy it to go on from a
// copy of the data directory.

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test {

// Many exchanges over one connection; each answer by the number of its request.
void exchange(HttpClient& client, const std::vector<std::string>& requests,
              const std::function<void(std::size_t, const HttpResponse&)>& answered);

class KeyObserver {
 public:
  struct Key {
    std::string id;
    std::string user;
    std::string secret;
    std::string state = "active";
    std::vector<std::string> verbs;     // of its audit trail
    std::string name;                   // as it was edited
    std::string reason;                 // of its revocation
    std::string revoked_at;             // empty: the answer did not tell
    std::vector<std::string> outdated;  // secrets, ended by rotation
  };
  enum class Reading {
    whole,
    whole_soon,      // meanwhile a 503
    whole_or_error,  // what cannot be read any more is a 5xx
  };

  // What is answered from now on is of a run that began after everything before.
  void begin_run() { least_epoch_ = last_.epoch + 1; }

  // Every verb, on new keys of users of their own; so many more keys come by an import, with so much
  // metadata, and some of these go by a bulk. Throws if one is not acknowledged.
  void use_every_verb(const EngineProcess& engine, std::size_t imported, std::size_t metadata_bytes);
  // A few changes.
  void go_on(const EngineProcess& engine);

  // Of what does not live so many are denied, and of what lives so many are not; each in its state.
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
