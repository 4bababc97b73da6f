#include "engine/log/journal_move.hpp"

#include <vector>

namespace revoked::engine {
namespace {

// Of one statement: so many that the wait for the standby is a small part.
constexpr std::size_t most_rows = 2000;
constexpr std::size_t enough_bytes = 1 << 20;

class Mover {
 public:
  Mover(const LocalLog& from, PostgresLog& to, const MoveListener& listener, std::string& detail)
      : from_(from), to_(to), listener_(listener), detail_(detail) {}

  result<JournalMove> run() {
    auto moved = move();
    if (!moved && detail_.empty()) detail_ = to_.failure().empty() ? from_.failure() : to_.failure();
    if (!moved) return moved.error();
    return move_;
  }

 private:
  result<void> move() {
    if (const auto connected = to_.connect(); !connected) return connected;
    const auto row = to_.leader();
    if (!row) return row.error();
    const auto there = to_.tail();
    if (!there) return there.error();
    there_ = *there;
    held_ = *row;
    const bool goes_on = row->holder == PostgresLog::moving;
    if (!goes_on && !row->holder.empty()) return refuse("has an engine that leads: " + row->url);
    if (!goes_on && there_.last != 0) return look_whether_it_is_done();
    if (!goes_on) {
      if (const auto held = hold(PostgresLog::moving); !held) return held;
    }
    if (const auto read = read_all(); !read) return read;
    if (there_.last != 0) return refuse("has rows that this journal has not");
    if (const auto sent = send(); !sent) return sent;
    move_.last = {tail_.epoch, tail_.last};
    return hold({});
  }

  // Of a move that is repeated though it was complete.
  result<void> look_whether_it_is_done() {
    if (there_.last != from_.last()) return refuse("is not empty");
    if (const auto read = read_all(); !read) return read;
    move_.last = {tail_.epoch, tail_.last};
    return {};
  }

  result<void> hold(std::string_view holder) {
    auto next = held_;
    next.holder = holder;
    ++next.beat;
    const auto replaced = to_.replace_leader(held_, next);
    if (!replaced) return replaced.error();
    if (!*replaced) return refuse("is being used by an engine or another move");
    held_ = std::move(next);
    return {};
  }

  // Up to `there_` only the chain is computed. Sends the rest but for the last rows.
  result<void> read_all() {
    result<void> done;
    const auto read = from_.read(1, [&](const BatchView& batch) {
      done = there_.last != 0 ? pass(batch) : add(batch);
      return done.has_value();
    });
    return done ? read : done;
  }

  result<void> pass(const BatchView& batch) {
    tail_ = tail_after(tail_, batch);
    ++move_.rows_before;
    move_.last = {tail_.epoch, tail_.last};
    if (tail_.last < there_.last) return {};
    if (tail_ != there_) return refuse("has the journal of other engines");
    there_ = {};
    listener_(move_);
    return {};
  }

  result<void> add(const BatchView& batch) {
    bodies_.emplace_back(batch.bytes());
    waiting_bytes_ += batch.bytes().size();
    return bodies_.size() < most_rows && waiting_bytes_ < enough_bytes ? result<void>() : send();
  }

  result<void> send() {
    if (bodies_.empty()) return {};
    std::vector<BatchView> batches(bodies_.size());
    for (std::size_t i = 0; i < bodies_.size(); ++i) BatchView::parse(bodies_[i], batches[i]);
    const auto appended = to_.append(batches, tail_);
    if (!appended && appended.error() == errc::position_gone) return refuse("has rows of another");
    if (!appended) return appended.error();
    tail_ = *appended;
    move_.rows += bodies_.size();
    move_.bytes += waiting_bytes_;
    move_.last = {tail_.epoch, tail_.last};
    bodies_.clear();
    waiting_bytes_ = 0;
    listener_(move_);
    return {};
  }

  errc refuse(const std::string& why) {
    detail_ = "the journal on " + to_.server() + " " + why;
    return errc::refused;
  }

  const LocalLog& from_;
  PostgresLog& to_;
  const MoveListener& listener_;
  std::string& detail_;
  PostgresLog::Leader held_;
  PostgresLog::Tail there_;          // an earlier call got so far; zero: everything of it has been passed
  PostgresLog::Tail tail_;           // of what was read and is there
  std::vector<std::string> bodies_;  // read, and not there yet
  std::size_t waiting_bytes_ = 0;
  JournalMove move_;
};

}  // namespace

result<JournalMove> move_journal(const LocalLog& from, PostgresLog& to, const MoveListener& listener,
                                 std::string& detail) {
  return Mover(from, to, listener, detail).run();
}

}  // namespace revoked::engine
