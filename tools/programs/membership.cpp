#include "tools/programs/membership.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "cache/wire/tls_options.hpp"
#include "engine/tables/checkpoint.hpp"
#include "net/api/peer.hpp"
#include "net/api/reply_key.hpp"
#include "net/http/log.hpp"

namespace revoked::tools {
namespace {

using engine::errc;
using engine::PostgresLog;

constexpr std::chrono::milliseconds shortest_lease{200};
constexpr std::chrono::days longest_lease{1};
constexpr std::chrono::seconds recently{10};  // an engine that has shown itself since is asked
constexpr std::size_t most_peers = 4;

}  // namespace

Membership::Membership(const EngineConfiguration& configuration, std::function<void()> on_end)
    : data_dir_(configuration.data_dir),
      on_end_(std::move(on_end)),
      engine_tls_(configuration.engine_tls),
      // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
      starts_again_(std::getenv(starts_again_variable) != nullptr) {
  if (configuration.master_key_file.empty())
    throw ConfigurationError("--journal: engines that share a journal are given one --master-key-file");
  options_.lease = parse_duration(configuration.lease, "--lease", longest_lease);
  if (options_.lease < shortest_lease)
    throw ConfigurationError("--lease: '" + configuration.lease + "' is less than 200ms");
  cache::read_tls_client("engine", engine_tls_, true, "--journal");
  options_.journal.url = configuration.journal;
  options_.journal.durability = *engine::durability_of(configuration.journal_durability);
  options_.version = version;
  // A look that takes longer is of no use to the lease.
  auto looks = options_.journal;
  looks.timeout = options_.lease / 2;
  looks.application = "revoked-member";
  log_ = std::make_unique<PostgresLog>(looks);
}

Membership::~Membership() = default;

engine::MemberListener Membership::listener() {
  return {[](std::string_view what, std::string_view detail) {
            const bool is_trouble =
                what.starts_with("cannot") || what == "stops" || what.starts_with("its copy");
            net::log(is_trouble ? net::Level::warning : net::Level::info,
                     std::string("the shared journal: ").append(what), {{"detail", detail}});
          },
          [this] {
            if (on_proof_) on_proof_();
          },
          [this] { return gateways_->roster(); },
          [this](std::string_view roster) { gateways_->expect(roster, engine::BootClock::now()); },
          [this] {
            has_ended_ = true;
            on_end_();
          }};
}

void Membership::fetch_checkpoint() {
  const auto all = log_->engines();
  if (!all) return;  // waited for again
  std::vector<PostgresLog::Engine> peers;
  for (const auto& each : *all) {
    if (each.silent_for < recently) peers.push_back(each);
  }
  // The leader has other work. The others by how far they are.
  std::ranges::sort(peers, std::greater{}, [](const auto& peer) {
    return std::pair(peer.role != "leader", peer.position.sequence);
  });
  if (peers.size() > most_peers) peers.resize(most_peers);
  const auto path = data_dir_ + "/tables";
  for (const auto& peer : peers) {
    const auto fetched = net::fetch_checkpoint(peer.url, {log_->secret(), engine_tls_}, path);
    if (fetched) {
      net::log(net::Level::info, "took the checkpoint of another engine",
               {{"url", peer.url}, {"bytes", std::to_string(*fetched)}});
      return;
    }
    net::log(net::Level::info, "took no checkpoint of another engine",
             {{"url", peer.url}, {"reason", fetched.error().message()}});
  }
}

// A fetched one may have events that a failover of the database has lost meanwhile, and a start would take
// that for a log that lost them.
void Membership::drop_checkpoint_after(engine::Sequence last) const {
  const auto path = data_dir_ + "/tables";
  const auto mark = engine::read_checkpoint_mark(path);
  if (mark && mark->newest > last) std::filesystem::remove(path);
}

void Membership::throw_away_copy() const {
  for (const auto* const part : {"log", "index", "tables", "tables.peer", "usage"})
    std::filesystem::remove_all(data_dir_ + "/" + part);
}

void Membership::set_copy_aside() const {
  const auto aside = data_dir_ + "/set-aside";
  std::filesystem::remove_all(aside);
  std::filesystem::create_directory(aside);
  std::filesystem::rename(data_dir_ + "/log", aside + "/log");
  throw_away_copy();
}

std::unique_ptr<engine::Store> Membership::open_store(
    const std::function<std::unique_ptr<engine::Store>()>& open) {
  for (bool is_new = false;; is_new = true) {
    std::unique_ptr<engine::Store> copy;
    try {
      copy = open();
    } catch (const ConfigurationError&) {
      throw;
    } catch (const std::runtime_error& damaged) {
      if (is_new) throw;
      net::log(net::Level::warning, "the copy of the shared journal is thrown away",
               {{"reason", damaged.what()}});
      throw_away_copy();
      continue;
    }
    const auto if_refused = starts_again_ ? engine::IfRefused::wait : engine::IfRefused::fail;
    const auto go_on = [] { return true; };
    // Before the rows, which then are at least as new.
    if (copy->last() == 0 && engine::reach_journal(*log_, listener(), go_on, if_refused)) fetch_checkpoint();
    const auto tail = engine::catch_up(*log_, *copy, listener(), go_on, if_refused);
    if (tail) {
      drop_checkpoint_after(copy->last());
      tail_ = *tail;
      auto store = std::make_unique<engine::SharedStore>(std::move(copy), options_.journal, standing_);
      store_ = store.get();
      return store;
    }
    const bool is_foreign = tail.error() == errc::position_gone || tail.error() == errc::storage_corrupt;
    if (is_new || !is_foreign) {
      const auto why = log_->failure().empty() ? tail.error().message() : log_->failure();
      if (tail.error() == errc::refused) throw ConfigurationError("--journal: " + why);
      throw std::runtime_error("--journal: " + why);
    }
    net::log(net::Level::warning, "the copy of the shared journal is set aside",
             {{"reason", "it has what the journal has not"}, {"directory", data_dir_ + "/set-aside"}});
    copy.reset();
    set_copy_aside();
  }
}

std::shared_ptr<const net::Forwarder> Membership::forwarder() const {
  net::set_common_salt(log_->secret());
  return std::make_shared<const net::Forwarder>(standing_, net::PeerOptions{log_->secret(), engine_tls_});
}

void Membership::begin(engine::Engine& engine, cache::Feed& feed, cache::GatewayRegistry& gateways,
                       net::Server& server, const std::string& url) {
  options_.url = url;
  gateways_ = &gateways;
  on_proof_ = [&server] { server.notify_all(); };
  const auto last = engine.position_of(engine.durable());
  if (last.epoch != 0) feed.begin_at({last, std::string(engine.journal_id_of(last.epoch))});
  member_ = std::make_unique<engine::Member>(options_, std::move(log_), tail_, engine, *store_, standing_,
                                             listener());
}

void Membership::write_metrics(engine::MetricsWriter& out) const {
  out.gauge("revoked_engine_leads", "Whether this engine takes changes, of those that share its journal.")
      .sample(standing_.role() == engine::Standing::Role::leader ? std::uint64_t{1} : std::uint64_t{0});
  out.gauge("revoked_engine_is_current", "Whether it has recent news of the shared journal, and so answers.")
      .sample(standing_.is_current() ? std::uint64_t{1} : std::uint64_t{0});
  out.counter("revoked_engine_terms_total", "How often this process has begun to lead.")
      .sample(member_ ? member_->terms() : 0);
}

}  // namespace revoked::tools
