#include "tests/net/api/served_engine.hpp"

namespace revoked::net::test {

ServedEngine::ServedEngine() : ServedEngine(Options{}) {}

ServedEngine::ServedEngine(const Options& options)
    : engine_({}, [this] { server_.close_gates(); }),
      authenticator_(engine_, master_keys_of(options), tokens_of(options)),
      service_(api_of(options), all_dialects),
      durability_(engine_),
      server_(loopback(options.limits, options.threads), service_, &durability_),
      port_(server_.port()) {
  feed_.add_watcher([this] { server_.notify_all(); });
  if (options.starts) start();
}

ServedEngine::~ServedEngine() {
  disk_->unblock();
  server_.drain();
  engine_.stop();  // before the gates are destroyed, which it notifies
}

void ServedEngine::start() {
  ASSERT_TRUE(engine_.start(std::make_unique<engine::test::FakeStore>(disk_), feed_,
                            [](const engine::LoadProgress&) {}));
}

revoked::test::HttpClient ServedEngine::client(const std::string& key) const {
  revoked::test::HttpClient client(port_);
  client.add_header("Authorization", "Bearer " + secret_of(key));
  return client;
}

std::string ServedEngine::request(std::string_view method, std::string_view target,
                                  std::string_view headers) {
  return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
         master_key + "\r\n" + std::string(headers) + "\r\n";
}

engine::Sequence ServedEngine::create(std::string_view id, std::string_view permissions,
                                      std::string_view user) {
  engine::NewKey key;
  key.key_id = id;
  key.digest = engine::sha256(secret_of(id));
  key.owners[0] = user;
  key.permissions = permissions;
  const auto created = engine_.create(key, {});
  EXPECT_TRUE(created);
  EXPECT_TRUE(sync());
  return created->sequence;
}

std::string ServedEngine::secret_of(std::string_view id) {
  std::string secret(id);
  secret.resize(std::max(secret.size(), engine::min_secret_size), '.');
  return secret;
}

engine::Sequence ServedEngine::revoke(std::string_view id) {
  const auto revoked = engine_.revoke(id, "", {});
  EXPECT_TRUE(revoked);
  return revoked->sequence;
}

bool ServedEngine::sync() {
  return revoked::test::eventually([this] { return engine_.durable() == engine_.applied(); });
}

Api ServedEngine::api_of(const Options& options) {
  Api api{engine_, feed_, authenticator_, {}, draining};
  api.document = options.document;
  return api;
}

std::unique_ptr<const MasterKeys> ServedEngine::master_keys_of(const Options& options) {
  if (!options.master_key_file.empty())
    return std::make_unique<const MasterKeys>(options.master_key_file, nullptr);
  return std::make_unique<const MasterKeys>(std::vector{master_key});
}

std::unique_ptr<const JwtVerifier> ServedEngine::tokens_of(const Options& options) {
  return options.tokens ? std::make_unique<const JwtVerifier>(*options.tokens) : nullptr;
}

}  // namespace revoked::net::test
