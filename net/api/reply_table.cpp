#include "net/api/reply_table.hpp"

#include <cstring>
#include <utility>

namespace revoked::net {

std::size_t ReplyTable::Hash::operator()(const engine::Digest& digest) const {
  std::size_t hash;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

ReplyTable::Claim ReplyTable::claim(const Asked& asked, Clock::time_point now, Reply& reply) {
  const engine::MutexLock lock(mutex_);
  forget_old(now);
  const auto [at, is_new] = entries_.try_emplace(asked.name);
  Entry& entry = at->second;
  if (is_new) {
    entry.asked = asked;
    return Claim::first;
  }
  if (entry.asked.credential != asked.credential) return Claim::other_credential;
  if (entry.asked.request != asked.request) return Claim::other_request;
  if (!entry.is_complete) return Claim::in_progress;
  reply = entry.reply;
  return Claim::again;
}

void ReplyTable::complete(const engine::Digest& name, Clock::time_point now, Reply reply) {
  const engine::MutexLock lock(mutex_);
  const auto at = entries_.find(name);
  if (at == entries_.end() || at->second.is_complete) return;
  Entry& entry = at->second;
  entry.reply = std::move(reply);
  entry.is_complete = true;
  entry.since = now;
  const auto tenant = tenants_.try_emplace(entry.asked.tenant).first;
  entry.in_age = by_age_.insert(by_age_.end(), &*at);
  entry.in_tenant = tenant->second.by_age.insert(tenant->second.by_age.end(), &*at);
  count(tenant, size_of(entry), 0);
  const auto id = tenant->first;
  for (auto mine = tenant; mine != tenants_.end() && mine->second.bytes > limits_.share;
       mine = tenants_.find(id))
    forget(mine->second.by_age.front());
  while (bytes_ > limits_.bytes) forget(tenants_.find(by_bytes_.rbegin()->second)->second.by_age.front());
}

void ReplyTable::abandon(const engine::Digest& name) {
  const engine::MutexLock lock(mutex_);
  const auto at = entries_.find(name);
  if (at != entries_.end() && !at->second.is_complete) entries_.erase(at);
}

void ReplyTable::count(Tenants::iterator tenant, std::size_t added, std::size_t taken) {
  auto& [id, holds] = *tenant;
  by_bytes_.erase({holds.bytes, id});
  holds.bytes += added - taken;
  bytes_ += added - taken;
  if (holds.bytes != 0)
    by_bytes_.emplace(holds.bytes, id);
  else
    tenants_.erase(tenant);
}

void ReplyTable::forget_old(Clock::time_point now) {
  while (!by_age_.empty() && now - by_age_.front()->second.since >= limits_.age) forget(by_age_.front());
}

void ReplyTable::forget(Item* complete) {
  const Entry& entry = complete->second;
  const auto tenant = tenants_.find(entry.asked.tenant);
  by_age_.erase(entry.in_age);
  tenant->second.by_age.erase(entry.in_tenant);
  count(tenant, 0, size_of(entry));
  entries_.erase(engine::Digest(complete->first));
}

}  // namespace revoked::net
