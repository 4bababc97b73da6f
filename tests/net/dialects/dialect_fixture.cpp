#include "tests/net/dialects/dialect_fixture.hpp"

namespace revoked::net {

std::string upper(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

void expect_json(const HttpResponse& answer, int status) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_TRUE(answer.json().exists()) << answer.body;
  EXPECT_EQ(!answer.header("WWW-Authenticate").empty(), status == 401);
}

DialectTest::DialectTest() {
  write("master.key", master + "\n");
  write("jwks.json", "{\"keys\":[" + signing_key_.jwk("k1") + "]}");
  JwtOptions jwt;
  jwt.jwks_file = directory_ / "jwks.json";
  jwt.rules.audience = "revoked";
  authenticator_.emplace(engine_, std::make_unique<MasterKeys>(directory_ / "master.key", nullptr),
                         std::make_unique<JwtVerifier>(std::move(jwt)));
  service_.emplace(Api{engine_, feed_, *authenticator_, {}, draining_}, all_dialects);
  Server::Options options;
  options.listen = {boost::asio::ip::address_v4::loopback(), 0};
  server_.emplace(options, *service_, &durability_);
  client_.emplace(server_->port());
}

DialectTest::~DialectTest() {
  disk_->unblock();
  server_->drain();
  engine_.stop();
}

void DialectTest::start() {
  ASSERT_TRUE(engine_.start(std::make_unique<engine::test::FakeStore>(disk_), feed_,
                            [](const engine::LoadProgress&) {}));
}

void DialectTest::write(const std::string& name, const std::string& text) {
  std::ofstream(directory_ / "new") << text;
  std::filesystem::rename(directory_ / "new", directory_ / name);
}

std::string DialectTest::create(const KeySetup& setup, std::string_view key_id) {
  const auto id = key_id.empty() ? engine::new_key_id(engine::now_unix_ms()) : std::string(key_id);
  engine::NewKey key;
  key.key_id = id;
  key.digest = engine::sha256(secret_of(id));
  key.owners = {setup.user, setup.application, setup.workspace};
  key.permissions = setup.permissions;
  key.expires_at = setup.expires_at;
  EXPECT_TRUE(engine_.create(key, {}));
  EXPECT_TRUE(eventually([this] { return engine_.durable() == engine_.applied(); }));
  return id;
}

std::string DialectTest::secret(const KeySetup& setup) { return secret_of(create(setup)); }

std::string DialectTest::token(std::map<std::string, std::string> claims) const {
  claims.try_emplace("sub", R"("alice")");
  claims.try_emplace("aud", R"("revoked")");
  claims.try_emplace("exp", std::to_string(engine::now_unix_ms() / 1000 + 3600));
  std::string payload;
  for (const auto& [name, value] : claims)
    payload += (payload.empty() ? "{\"" : ",\"") + name + "\":" + value;
  return signing_key_.token(R"({"alg":"HS256","kid":"k1"})", payload + "}");
}

HttpResponse DialectTest::ask(std::string_view method, const std::string& target, const Headers& headers,
                              std::string_view body) {
  return client_->request(method, target, headers, body);
}

engine::KeyState DialectTest::state_of(const std::string& key_id) const {
  const auto found = engine_.describe(key_id, engine::now_unix_ms());
  return found ? found->decision.state : engine::KeyState::unknown;
}

std::string DialectTest::reason_of(const std::string& key_id) const {
  const auto found = engine_.describe(key_id, engine::now_unix_ms());
  return found && found->revocation ? found->revocation->reason : std::string();
}

}  // namespace revoked::net
