#pragma once
// The engine program's part in a journal that several engines share (--journal): opens the copy in the data
// directory, catches up, follows, leads. See engine/cluster.

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "cache/feed/feed.hpp"
#include "engine/cluster/member.hpp"
#include "net/api/forwarder.hpp"
#include "net/http/server.hpp"
#include "tools/programs/engine_configuration.hpp"

namespace revoked::tools {

// In the environment of an engine that has ended to start again: a server that it must not use is no mistake
// of whoever starts it, but has changed meanwhile. So it waits.
inline constexpr auto starts_again_variable = "REVOKED_STARTS_AGAIN";

class Membership {
 public:
  // Throws ConfigurationError. `on_end` is called on any thread when the engine must start again.
  Membership(const EngineConfiguration& configuration, std::function<void()> on_end);
  ~Membership();  // gives the lead up; only once the engine has stopped

  engine::Standing& standing() { return standing_; }

  // A store that has everything that the journal has now. Waits until the journal can be reached. `open`
  // opens the copy. A damaged copy is thrown away, one that is not of this journal set aside. Throws
  // std::runtime_error.
  std::unique_ptr<engine::Store> open_store(const std::function<std::unique_ptr<engine::Store>()>& open);
  std::shared_ptr<const net::Forwarder> forwarder() const;
  // Once the engine has loaded, as a follower. `url`: where others reach it.
  void begin(engine::Engine& engine, cache::Feed& feed, cache::GatewayRegistry& gateways, net::Server& server,
             const std::string& url);
  // Whether the engine must start again.
  bool has_ended() const { return has_ended_; }
  // Stops following and leading; what is current stays so for a moment. The lead is kept until the end of
  // this.
  void stop() {
    if (member_) member_->stop();
  }
  void give_up() { member_.reset(); }

  void write_metrics(engine::MetricsWriter& out) const;

 private:
  engine::MemberListener listener();
  // What takes a long time without: the tables are made from it, and only the events after it.
  void fetch_checkpoint();
  void drop_checkpoint_after(engine::Sequence last) const;
  void throw_away_copy() const;
  // It may be all that is left of a database that was restored to an earlier state. In place of the one that
  // was set aside before.
  void set_copy_aside() const;

  const std::string data_dir_;
  const std::function<void()> on_end_;
  const cache::TlsClientOptions engine_tls_;
  const bool starts_again_;
  engine::MemberOptions options_;
  engine::Standing standing_;
  std::unique_ptr<engine::PostgresLog> log_;
  engine::PostgresLog::Tail tail_;
  engine::SharedStore* store_ = nullptr;  // the engine's
  std::function<void()> on_proof_;
  cache::GatewayRegistry* gateways_ = nullptr;
  std::atomic<bool> has_ended_{false};
  std::unique_ptr<engine::Member> member_;
};

}  // namespace revoked::tools
