#include "tests/support/redis_sentinels.hpp"

#include <iterator>
#include <stdexcept>

#include "tests/support/eventually.hpp"
#include "tests/support/redis_connection.hpp"

namespace revoked::test {
namespace {

constexpr std::size_t count = 3;

RedisConnection connection_to(std::uint16_t port) {
  return RedisConnection("redis://127.0.0.1:" + std::to_string(port));
}

// A member of what a Sentinel knows about the primary.
std::string fact(std::uint16_t sentinel, const std::string& member) {
  try {
    const auto facts = connection_to(sentinel).command({"SENTINEL", "MASTER", RedisSentinels::name}).items;
    for (std::size_t i = 0; i + 1 < facts.size(); i += 2) {
      if (facts[i].text == member) return facts[i + 1].text;
    }
  } catch (const std::runtime_error&) {  // it does not listen yet
  }
  return "";
}

}  // namespace

RedisSentinels::RedisSentinels() {
  for (std::size_t i = 0; i < count; ++i) {
    auto& sentinel = sentinels_.emplace_back();
    const auto file = sentinel.directory / "sentinel.conf";
    const std::string primary(name);
    write_file(file, "port " + std::to_string(sentinel.port.number()) + "\nbind 127.0.0.1\ndir " +
                         sentinel.directory.path().string() + "\nsentinel monitor " + primary +
                         " 127.0.0.1 " + std::to_string(first_.port()) +
                         " 2\nsentinel down-after-milliseconds " + primary +
                         " 500\nsentinel failover-timeout " + primary + " 2000\n");
    sentinel.process = std::make_unique<Process>(
        Process::Options{.command = {"redis-server", file, "--sentinel"}, .log = sentinel.directory / "log"});
  }
  const auto is_ready = [this] {
    for (std::size_t i = 0; i < count; ++i) {
      if (fact(sentinel_port(i), "num-other-sentinels") != std::to_string(count - 1) ||
          fact(sentinel_port(i), "num-slaves") != "1")
        return false;
    }
    const auto replication = connection_to(second_.port()).command({"INFO", "replication"}).text;
    return replication.find("master_link_status:up") != std::string::npos;
  };
  if (!eventually(is_ready, 30s)) throw std::runtime_error("the Sentinels do not find each other");
}

std::string RedisSentinels::url() const {
  std::string text = "redis+sentinel://";
  for (const auto& sentinel : sentinels_)
    text += (text.ends_with('/') ? "" : ",") + ("127.0.0.1:" + std::to_string(sentinel.port.number()));
  return text + "/" + name;
}

std::uint16_t RedisSentinels::sentinel_port(std::size_t i) const {
  return std::next(sentinels_.begin(), static_cast<std::ptrdiff_t>(i))->port.number();
}

std::uint16_t RedisSentinels::primary_port() const {
  const auto port = fact(sentinel_port(0), "port");
  return port.empty() ? 0 : static_cast<std::uint16_t>(std::stoi(port));
}

bool RedisSentinels::fail_over() {
  return connection_to(sentinel_port(0)).command({"SENTINEL", "FAILOVER", name}).text == "OK";
}

}  // namespace revoked::test
