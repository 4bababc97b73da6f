#pragma once
// Bulk: keys to import and keys to revoke, as lines of JSON (NDJSON) in a body of any length. Memory is
// bounded: a piece of the body, the lines of one turn, and the first failures. On the connection's thread.

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/auth/authority.hpp"
#include "net/http/line_reader.hpp"
#include "net/http/members.hpp"

namespace revoked::net {

// Processes the lines of one request, and counts the results.
class Bulk {
 public:
  using Line = LineReader::Line;

  Bulk(Api& api, const Call& call, engine::Permission permission)
      : api_(api),
        principal_(call.principal),
        caller_{principal_.actor,  call.request().remote_address, call.request().id,
                &principal_.reach, principal_.actor_kind,         &principal_,
                &recalled_},
        authority_(api.authenticator, call.dialect.present(call.request()), permission) {}
  virtual ~Bulk() = default;
  Bulk(const Bulk&) = delete;
  Bulk& operator=(const Bulk&) = delete;

  // What a line needs about keys that have left memory: after errc::not_recalled it is read, and the line is
  // passed again.
  engine::Recalled& recalled() { return recalled_; }
  std::string asker() const { return asker_of(principal_); }

  // For the log.
  virtual std::string_view what() const = 0;
  virtual std::string_view verb() const = 0;  // empty: it changes nothing
  // What a line may be, for people.
  virtual std::string_view expected() const = 0;
  virtual std::uint64_t changed_keys() const = 0;
  void log_progress(std::string_view how_far, std::uint64_t lines) const;
  void log_end(const Exchange& exchange, std::uint64_t lines) const;  // one line, however many keys

  // Processes a line; null: completes the collected ones. A line that fails is counted; an error concerns all
  // of them: the line was not processed, and may be passed again. errc::refused: the caller is no longer
  // authorized.
  engine::result<void> process(const Line* line);
  virtual void write_counts(engine::JsonWriter& json) const = 0;
  // The number of the first line that is collected but not done. 0: none.
  virtual std::uint64_t first_gathered() const = 0;

  std::chrono::steady_clock::time_point turn_began = std::chrono::steady_clock::now();

  // Called for each piece and each turn: a bulk must not continue under another authority.
  engine::result<void> recheck() {
    if (authority_.recheck() == Authority::Standing::good) return {};
    return engine::errc::refused;
  }
  Authority::Standing standing() const { return authority_.standing(); }

  // There were lines, and none of them was valid.
  bool is_not_understood() const { return failed_count_ != 0 && !understood_; }
  engine::Sequence last() const { return last_; }
  void write(engine::JsonWriter& json) const {
    json.open('{');
    write_members(json);
    json.close('}');
  }
  void write_members(engine::JsonWriter& json) const;
  engine::Position position() const {
    return api_.engine.position_of(last_ != 0 ? last_ : api_.engine.durable());
  }

 protected:
  // Collects or processes a line that is neither blank nor too long: its text without a byte order mark.
  virtual engine::result<void> process_text(const Line& line, std::string_view text) = 0;
  // Processes the collected lines, if there are any. Called before the next line once `is_full`.
  virtual engine::result<void> process_gathered() = 0;
  virtual bool is_full() const = 0;

  // fail(): a line that is not valid. refuse(): a valid line that was refused.
  engine::result<void> fail(const Line& line, Fault fault) {
    ++failed_count_;
    if (failed_.size() < max_failures_told) failed_.push_back({line.number, std::move(fault)});
    return {};
  }
  engine::result<void> refuse(const Line& line, std::string_view code) {
    understood_ = true;
    return fail(line, {code, {}, {}});
  }
  void accept(std::uint64_t lines) {
    accepted_ += lines;
    understood_ = understood_ || lines != 0;
  }
  std::uint64_t accepted() const { return accepted_; }
  void reached(engine::Sequence sequence) { last_ = std::max(last_, sequence); }

  Api& api_;
  const engine::Principal principal_;
  engine::Recalled recalled_;  // for the collected lines
  const engine::Caller caller_;
  Authority authority_;

 private:
  static constexpr std::size_t max_failures_told = 1000;

  struct Failure {
    std::uint64_t line;
    Fault fault;
  };

  std::uint64_t accepted_ = 0;
  bool understood_ = false;
  engine::Sequence last_ = 0;
  std::uint64_t failed_count_ = 0;
  std::vector<Failure> failed_;
};

// Processes the lines of the request's body, and answers once they are synced.
Task<> run_bulk(Api& api, Exchange exchange, std::unique_ptr<Bulk> bulk);

}  // namespace revoked::net
