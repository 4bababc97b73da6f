#pragma once
// Sends changes to an engine, one after the other, and records what was acknowledged. Afterwards it checks
// that an engine has all of that, and nothing that was never requested. A request without an answer may have
// taken effect or not; once observed, the outcome must not change. Copies are independent.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test {

class Witness {
 public:
  // Prefix of the ids of the keys that a check creates.
  explicit Witness(std::string name) : name_(std::move(name)) {}
  Witness() : Witness("some") {}

  // Every verb once and more, on keys whose ids begin with `name`. False: the engine ended meanwhile.
  bool ask_for_everything(HttpClient& engine, const std::string& name);
  // Single verbs, with the same result. Members are those of the key besides its id and secret.
  bool create(HttpClient& engine, const std::string& id, Members members = {});
  bool import(HttpClient& engine, const std::string& name, int count, std::string_view more = {});
  bool revoke(HttpClient& engine, const std::string& id);
  bool lock(HttpClient& engine, const std::string& user);  // without keys
  bool revoke_many(HttpClient& engine, const std::vector<std::string>& ids);

  // The engine also has keys of other clients: the list of keys is not compared.
  void expect_others() { has_others_ = true; }

  // What is wrong with an engine that has been restarted; empty: nothing. Makes a change as well. new_one: it
  // was started after all requests; this_one: some of the requests were sent to this run.
  enum class Run { new_one, this_one };
  std::string check(HttpClient& engine, Run run = Run::new_one);
  // Answers that were neither a success nor an unknown outcome, and repeated positions.
  const std::string& surprises() const { return surprises_; }
  int unknown() const { return unknown_; }  // requests without an answer, or with a 5xx

 private:
  using Effects = std::vector<std::pair<std::string, std::string>>;  // a secret, its state afterwards
  struct Known {
    std::string key_id;
    std::set<std::string> states;  // as verified; several: one of them
  };

  HttpResponse ask(HttpClient& engine, std::string_view method, const std::string& target,
                   const std::string& body, const Effects& effects);
  bool change(HttpClient& engine, std::string_view method, const std::string& target, const std::string& body,
              const Effects& effects);
  bool rotate(HttpClient& engine, const std::string& id);
  bool rename(HttpClient& engine, const std::string& id, const std::string& name);
  std::string expect_new(const std::string& id);  // its secret
  Effects revoked(const std::vector<std::string>& ids) const;
  void note_position(engine::Position position, const std::string& of);
  std::string check_secret(HttpClient& engine, const std::string& secret, Known& known);
  std::string check_list(HttpClient& engine) const;
  std::string check_audit(HttpClient& engine, const std::string& id) const;

  std::string name_;
  std::map<std::string, Known> secrets_;
  std::map<std::string, std::string> newest_secret_;    // by key id
  std::map<std::string, std::set<std::string>> names_;  // by key id; several: one of them
  engine::Position newest_;
  bool has_others_ = false;
  int checks_ = 0;
  int unknown_ = 0;
  std::string surprises_;
};

// Starts a stopped engine twice; each time, what the witness knows is all there. Stops it again.
void expect_all_there(EngineProcess& engine, Witness& witness);

}  // namespace revoked::test
