#include "net/reply_table.hpp"

#include <utility>

namespace revoked::net {
namespace {

std::size_t size_of(const SentResponse& sent) {
  return sent.headers.size() + sent.content_type.size() + sent.body.size();
}

}  // namespace

ReplyTable::Claim ReplyTable::claim(const std::string& name, const engine::Digest& request,
                                    Clock::time_point now, Reply& reply) {
  const std::scoped_lock lock(mutex_);
  forget_old(now);
  const auto [at, is_new] = entries_.try_emplace(name);
  Entry& entry = at->second;
  if (is_new) {
    entry.request = request;
    entry.number = ++claims_;
    by_age_.push_back({now, name, entry.number});
    return Claim::first;
  }
  if (entry.request != request) return Claim::other_request;
  if (!entry.is_complete) return Claim::in_progress;
  reply = entry.reply;
  return Claim::again;
}

void ReplyTable::complete(const std::string& name, Reply reply) {
  const std::scoped_lock lock(mutex_);
  const auto at = entries_.find(name);
  if (at == entries_.end() || at->second.is_complete) return;
  bytes_ += size_of(reply.sent);
  at->second.reply = std::move(reply);
  at->second.is_complete = true;
}

void ReplyTable::abandon(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto at = entries_.find(name);
  if (at != entries_.end() && !at->second.is_complete) forget(at);
}

void ReplyTable::forget_old(Clock::time_point now) {
  while (!by_age_.empty()) {
    const Age& oldest = by_age_.front();
    if (by_age_.size() < limits_.entries && bytes_ < limits_.bytes && now - oldest.since < limits_.age)
      return;
    const auto at = entries_.find(oldest.name);
    if (at != entries_.end() && at->second.number == oldest.number) forget(at);
    by_age_.pop_front();
  }
}

void ReplyTable::forget(std::unordered_map<std::string, Entry>::iterator entry) {
  bytes_ -= size_of(entry->second.reply.sent);
  entries_.erase(entry);
}

}  // namespace revoked::net
