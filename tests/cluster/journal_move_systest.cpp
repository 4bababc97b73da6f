// `revokectl journal`: the tables for a role with least rights, and a journal in files that is moved into
// PostgreSQL, where several engines share it.

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/support/postgres_server.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::journal_move_systest {

struct Outcome {
  std::optional<int> code;
  std::string output;
  std::string errors;
  bool says(std::string_view text) const { return (output + errors).find(text) != std::string::npos; }
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << "code " << outcome.code.value_or(-1) << "\n" << outcome.output << outcome.errors;
}

class SharedJournal : public testing::Test {
 protected:
  Process::Options command(std::string_view name, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program(name));
    return {.command = std::move(arguments),
            .log = directory_ / ("stderr-" + std::to_string(++runs_)),
            .directory = directory_.path()};
  }
  Outcome run(std::string_view name, std::vector<std::string> arguments) {
    Process process(command(name, std::move(arguments)));
    auto output = process.read_output(60s);
    const auto code = process.wait(60s);
    return {code, std::move(output), process.log_text()};
  }
  std::vector<std::string> move_arguments(const EngineProcess& engine) const {
    return {"journal",   "move",        "--data-dir",           engine.data_directory(),
            "--journal", server_.url(), "--journal-durability", "single",
            "-o",        "json"};
  }
  Outcome move(const EngineProcess& engine) { return run("revokectl", move_arguments(engine)); }

  std::filesystem::path key_file() const { return directory_ / "key"; }
  std::vector<std::string> engine_arguments(const std::string& url) const {
    return {"--journal", url, "--journal-durability", "single", "--threads", "1"};
  }
  EngineProcess::Options engine_options(const std::string& url) const {
    EngineProcess::Options options;
    options.arguments = engine_arguments(url);
    options.master_key_file = key_file();
    options.tls = nullptr;
    return options;
  }
  // Of an engine that must not start.
  Outcome start_in_vain(const std::string& url) {
    auto arguments = engine_arguments(url);
    arguments.insert(arguments.end(), {"--listen", "127.0.0.1:0", "--data-dir", directory_ / "vain",
                                       "--master-key-file", key_file()});
    return run("revoked", std::move(arguments));
  }
  std::size_t rows() { return std::stoul(server_.value("SELECT count(*) FROM revoked.journal")); }

  TemporaryDirectory directory_;
  PostgresServer server_;
  int runs_ = 0;
};

TEST_F(SharedJournal, IsUsedByARoleThatOwnsNothing) {
  std::ofstream(key_file()) << "master-key-of-the-engines-0123456789\n";
  server_.rows("CREATE ROLE \"the engines\" LOGIN");
  const auto url = "postgresql://the%20engines@" + server_.host_and_port() + "/postgres";
  const auto none = start_in_vain(url);
  EXPECT_EQ(none.code, 2) << none;
  EXPECT_TRUE(none.says("`revokectl journal schema`")) << none;

  auto others = run("revokectl", {"journal", "schema"});
  EXPECT_TRUE(others.says("TO \"revoked\";")) << others;
  server_.rows(others.output);
  const auto no_right = start_in_vain(url);
  EXPECT_EQ(no_right.code, 2) << no_right;
  EXPECT_TRUE(no_right.says("permission denied") && no_right.says("`revokectl journal schema`")) << no_right;

  const auto schema = run("revokectl", {"journal", "schema", "--role", "the engines"});
  EXPECT_EQ(schema.code, 0) << schema;
  server_.rows(schema.output);
  EngineProcess first(engine_options(url)), second(engine_options(url));
  auto asks_first = first.client(), asks_second = second.client();
  const auto leads = [](HttpClient& client) {
    return client.get("/readyz").json()["role"].text() == "leader";
  };
  EXPECT_TRUE(eventually([&] { return leads(asks_first); }));
  const auto key = create_key(asks_second);
  EXPECT_EQ(revoke(asks_second, key.key_id).status, 200);
  EXPECT_TRUE(eventually([&] { return asks_second.get("/v1/engines").json()["engines"].size() == 2; }));
  first.kill();
  EXPECT_TRUE(eventually([&] { return leads(asks_second); }));
  const auto later = create_key(asks_second);
  first.start();
  auto again = first.client();
  EXPECT_EQ(state_of(again, key.key_id), "revoked");
  EXPECT_EQ(state_of(again, later.key_id), "active");

  for (const std::string change : {"DELETE FROM revoked.journal", "UPDATE revoked.journal SET epoch = 0"}) {
    try {
      PostgresConnection(url).rows(change);
      ADD_FAILURE() << change;
    } catch (const PostgresError& error) {
      EXPECT_EQ(error.sqlstate, "42501") << error.what();
    }
  }
}

std::string up_to(const std::string& text, std::string_view end) {
  return text.substr(0, std::min(text.find(end), text.rfind('}')));
}

// What an engine says of its keys, and what happened to them: without last uses, which are beside the
// journal.
class Knowledge {
 public:
  void add(const CreatedKey& key) { keys_.push_back(key); }
  std::vector<std::string> of(const EngineProcess& engine) const {
    auto client = engine.client();
    std::vector<std::string> all;
    for (const auto& key : keys_) {
      all.push_back(up_to(client.get("/v1/keys/" + key.key_id).body, R"(,"last_used_at")"));
      all.push_back(verify(client, key.secret)["state"].text());
      all.push_back(up_to(client.get("/v1/audit?key_id=" + key.key_id).body, R"(],"position")"));
    }
    return all;
  }

 private:
  std::vector<CreatedKey> keys_;
};

constexpr int imported = 30'000;

void import_keys(HttpClient& client) {
  std::string lines;
  for (int i = 0; i < imported; ++i)
    lines += "{\"key_id\":\"imported-" + std::to_string(i) + "\",\"secret\":\"secret-of-" +
             std::to_string(i) + "\",\"user\":\"many\"}\n";
  const auto answer =
      client.request("POST", "/v1/keys/import", {{"Content-Type", "application/x-ndjson"}}, lines);
  EXPECT_EQ(answer.json()["created"].number(), imported) << answer.body;
}

class AJournalInFiles : public SharedJournal {
 protected:
  AJournalInFiles() {
    auto client = engine_.client();
    for (int i = 0; i < 6; ++i) keys_.push_back(create_key(client, {{"user", "u" + std::to_string(i)}}));
    for (const auto& key : keys_) knowledge_.add(key);
    EXPECT_EQ(revoke(client, keys_[1].key_id).status, 200);
    EXPECT_EQ(revoke_owner(client, "user", "u2").status, 200);
    EXPECT_EQ(client.request("PUT", "/v1/users/u3/lock").status, 200);
    EXPECT_EQ(client.request("POST", "/v1/keys/" + keys_[4].key_id + "/suspend").status, 200);
    import_keys(client);
    std::filesystem::copy(engine_.master_key_file(), key_file());
  }

  EngineProcess engine_{{.tls = nullptr}};
  std::vector<CreatedKey> keys_;
  Knowledge knowledge_;
};

TEST_F(AJournalInFiles, IsMovedWithAllThatItKnows) {
  GatewayProcess gateway(engine_, {.tls = nullptr});
  auto edge = gateway.client();
  for (const auto i : {0, 5}) EXPECT_EQ(check(edge, keys_[i].secret).status, 200);
  auto before = engine_.client();
  const auto last = position_of(revoke(before, keys_[1].key_id));
  const auto known = knowledge_.of(engine_);

  const auto in_use = move(engine_);
  EXPECT_EQ(in_use.code, 2) << in_use;
  EXPECT_TRUE(in_use.says("stop it")) << in_use;
  EXPECT_EQ(engine_.stop(), 0);
  const auto moved = move(engine_);
  EXPECT_EQ(moved.code, 0) << moved;
  EXPECT_EQ(rows(), Json::parse(moved.output)["rows"].number());

  engine_.options() = engine_options(server_.url());
  engine_.start();
  EngineProcess other(engine_options(server_.url()));
  EXPECT_EQ(engine_.log_text().find("the copy of the shared journal is"), std::string::npos)
      << "it was a copy";
  EXPECT_EQ(knowledge_.of(engine_), known);
  EXPECT_EQ(knowledge_.of(other), known);
  auto client = other.client();
  EXPECT_EQ(verify(client, "secret-of-29999")["state"].text(), "active");
  const auto next = revoke(client, keys_[5].key_id);
  EXPECT_EQ(next.status, 200) << next.body;
  EXPECT_GT(position_of(next).epoch, last.epoch);
  EXPECT_GT(position_of(next).sequence, last.sequence);
  EXPECT_TRUE(eventually([&] { return check(edge, keys_[5].secret).status == 403; }));
  EXPECT_TRUE(eventually([&] { return check(edge, keys_[0].secret).status == 200; }));
  EXPECT_EQ(check(edge, keys_[1].secret).status, 403);

  // And back: the copy of the one that stops last has everything. So has any, for a database that is lost.
  EXPECT_EQ(other.stop(), 0);
  EXPECT_EQ(engine_.stop(), 0);
  server_.rows("DROP SCHEMA revoked CASCADE");
  EXPECT_EQ(move(other).code, 0);
  other.start();
  EXPECT_EQ(other.log_text().find("the copy of the shared journal is"), std::string::npos);
  auto restored = other.client();
  EXPECT_EQ(state_of(restored, keys_[5].key_id), "revoked");
  EXPECT_EQ(other.stop(), 0);
  engine_.options().arguments.clear();
  engine_.start();
  EXPECT_EQ(knowledge_.of(engine_).front(), known.front());
  auto alone = engine_.client();
  EXPECT_EQ(state_of(alone, keys_[5].key_id), "revoked");
}

TEST_F(AJournalInFiles, GoesOnWithAMoveThatWasKilled) {
  EXPECT_EQ(engine_.stop(), 0);
  server_.rows(run("revokectl", {"journal", "schema"}).output);
  // Everything after the first statement waits.
  server_.rows(
      "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql STABLE AS $$ BEGIN IF EXISTS (SELECT FROM "
      "revoked.journal) THEN PERFORM pg_sleep(600); END IF; RETURN NEW; END $$; "
      "CREATE TRIGGER wait BEFORE INSERT ON revoked.journal FOR EACH ROW EXECUTE FUNCTION wait()");
  {
    Process killed(command("revokectl", move_arguments(engine_)));
    EXPECT_TRUE(eventually([&] { return rows() > 0; })) << killed.description();
    killed.signal(SIGKILL);
    killed.wait(60s);
  }
  server_.terminate("revokectl");
  server_.rows("DROP TRIGGER wait ON revoked.journal");
  const auto early = start_in_vain(server_.url());
  EXPECT_EQ(early.code, 2) << early;
  EXPECT_TRUE(early.says("a journal is being moved")) << early;

  EngineProcess foreign({.tls = nullptr});
  auto stranger = foreign.client();
  create_key(stranger);
  EXPECT_EQ(foreign.stop(), 0);
  const auto refused = move(foreign);
  EXPECT_EQ(refused.code, 2) << refused;

  const auto before = static_cast<std::int64_t>(rows());
  const auto moved = Json::parse(move(engine_).output);
  EXPECT_EQ(moved["rows_before"].number(), before);
  EXPECT_GT(moved["rows"].number(), 0);
  EXPECT_EQ(rows(), before + moved["rows"].number());
  const auto again = move(engine_);
  EXPECT_EQ(again.code, 0) << again;
  EXPECT_EQ(Json::parse(again.output)["rows"].number(), 0) << again;
  const auto not_empty = move(foreign);
  EXPECT_EQ(not_empty.code, 2) << not_empty;
  EXPECT_TRUE(not_empty.says("is not empty")) << not_empty;

  EngineProcess engine(engine_options(server_.url()));
  auto client = engine.client();
  EXPECT_EQ(state_of(client, keys_[1].key_id), "revoked");
  EXPECT_EQ(verify(client, "secret-of-29999")["state"].text(), "active");
  const auto used = move(engine_);
  EXPECT_EQ(used.code, 2) << used;
}

}  // namespace revoked::test::journal_move_systest
