// revokectl as an operator uses it, against real engines and gateways.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test::ctl_systest {

struct Outcome {
  std::optional<int> code;
  std::string output;
  std::string errors;

  Json json() const { return Json::parse(output.substr(0, output.find('\n'))); }
  bool has_output(std::string_view text) const { return output.find(text) != std::string::npos; }
  bool has_error(std::string_view text) const { return errors.find(text) != std::string::npos; }
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << "code " << outcome.code.value_or(-1) << "\n" << outcome.output << outcome.errors;
}

// An operator's machine: a home directory, and the engine's key in a file.
class Operator {
 public:
  std::filesystem::path file(std::string_view name) const { return home_ / name; }
  std::filesystem::path write(std::string_view name, std::string_view content) const {
    std::filesystem::create_directories(file(name).parent_path());
    write_file(file(name), content);
    return file(name);
  }

  // Without an engine.
  Process::Options command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program("revokectl"));
    return {.command = std::move(arguments),
            .environment = {"HOME=" + home_.path().string(), "XDG_CONFIG_HOME="},
            .log = file("stderr-" + std::to_string(++runs_)),
            .directory = home_.path()};
  }
  Process::Options command(const EngineProcess& engine, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--engine", engine.url(), "--key-file", engine.master_key_file()});
    if (engine.tls() != nullptr) arguments.insert(arguments.end(), {"--ca-file", engine.tls()->ca()});
    return command(std::move(arguments));
  }
  Outcome run(Process::Options options) {
    Process process(std::move(options));
    Outcome out;
    out.output = process.read_output(60s);
    out.code = process.wait(60s);
    out.errors = process.log_text();
    return out;
  }
  Outcome run(std::vector<std::string> arguments) { return run(command(std::move(arguments))); }
  Outcome run(const EngineProcess& engine, std::vector<std::string> arguments) {
    return run(command(engine, std::move(arguments)));
  }

 private:
  TemporaryDirectory home_;
  int runs_ = 0;
};

// "key_id, with its secret" as revokectl made it.
CreatedKey make_key(Operator& person, const EngineProcess& engine, std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.begin(), {"key", "create", "-o", "json"});
  const auto made = person.run(engine, std::move(arguments));
  EXPECT_EQ(made.code, 0) << made;
  return {made.json()["key_id"].text(), made.json()["secret"].text()};
}

TEST(CtlGateways, AreShownOneByOneAndTheOneThatDoesNotEnforceIsNamed) {
  EngineProcess engine;
  std::vector<std::unique_ptr<GatewayProcess>> gateways;
  for (const auto* name : {"edge-1", "edge-2", "edge-3"}) {
    const std::vector<std::string> arguments{"--name", name, "--stale-after", "5s"};
    gateways.push_back(std::make_unique<GatewayProcess>(engine, GatewayProcess::Options{{}, {}, arguments}));
  }
  auto admin = engine.client();
  ASSERT_TRUE(eventually([&] { return admin.get("/v1/gateways").json()["gateways"].size() == 3; }));
  Operator person;
  const auto well = person.run(engine, {"status"});
  EXPECT_EQ(well.code, 0) << well;
  EXPECT_TRUE(well.has_output("3 of 3 current")) << well;
  EXPECT_TRUE(well.has_output("position")) << well;

  const auto key = make_key(person, engine, {"--user", "ann"});
  auto client = gateways[1]->client();
  EXPECT_TRUE(eventually([&] { return check(client, key.secret).status == 200; }));
  const auto all = person.run(engine, {"key", "revoke", key.key_id, "--reason", "leaked", "--wait", "30"});
  EXPECT_EQ(all.code, 0) << all;
  for (const auto* text : {"edge-1", "edge-2", "edge-3", "applied", "leaked", "revoked"})
    EXPECT_TRUE(all.has_output(text)) << text << '\n' << all;
  EXPECT_FALSE(all.has_output("waiting")) << all;
  EXPECT_EQ(check(client, key.secret).status, 403);

  gateways[1]->process().signal(SIGSTOP);
  const auto other = make_key(person, engine, {"--user", "ann"});
  const auto some = person.run(engine, {"revoke", "--user", "ann", "--wait", "1", "-o", "json"});
  EXPECT_EQ(some.code, 3) << some;
  EXPECT_EQ(some.json()["revoked"].number(), 1) << some;
  EXPECT_TRUE(some.has_error("edge-2")) << some;
  EXPECT_FALSE(some.has_error("edge-1")) << some;
  EXPECT_EQ(state_of(admin, other.key_id), "revoked") << "done all the same";

  const auto position = some.json()["position"].text();
  const auto early = person.run(engine, {"receipt", position});
  EXPECT_EQ(early.code, 3) << early;
  EXPECT_TRUE(early.has_output("waiting")) << early;
  gateways[1]->process().signal(SIGCONT);
  const auto late = person.run(engine, {"receipt", position, "--wait", "30"});
  EXPECT_EQ(late.code, 0) << late;

  gateways[2]->kill();
  Outcome ill;
  EXPECT_TRUE(eventually([&] {
    ill = person.run(engine, {"status"});
    return ill.code == 1 && ill.has_output("edge-3");
  })) << ill;
  EXPECT_TRUE(person.run(engine, {"gateways"}).has_output("gone"));
}

TEST(CtlKeys, LiveFromCreationToRevocation) {
  EngineProcess engine;
  Operator person;
  const auto key = make_key(person, engine, {"--user", "ann", "--name", "laptop", "--expires", "30d"});
  const auto secret = person.write("secret", key.secret + "\n");
  const auto verify = [&] { return person.run(engine, {"key", "verify", "--secret-file", secret}); };
  EXPECT_EQ(verify().code, 0) << verify();
  const auto shown = person.run(engine, {"key", "show", key.key_id});
  EXPECT_TRUE(shown.has_output("laptop") && shown.has_output("ann")) << shown;
  EXPECT_FALSE(shown.has_output(key.secret));

  EXPECT_EQ(person.run(engine, {"key", "suspend", key.key_id, "--reason", "odd"}).code, 0);
  EXPECT_EQ(verify().code, 1);
  EXPECT_EQ(person.run(engine, {"key", "resume", key.key_id}).code, 0);
  EXPECT_EQ(verify().code, 0);
  const auto edited = person.run(engine, {"key", "edit", key.key_id, "--name", "", "--expires", "never",
                                          "--metadata", R"({"team":"blue"})", "-o", "json"});
  EXPECT_EQ(edited.code, 0) << edited;
  EXPECT_FALSE(edited.json()["name"].exists());
  EXPECT_EQ(edited.json()["metadata"]["team"].text(), "blue") << edited;
  const auto rotated = person.run(engine, {"key", "rotate", key.key_id, "--grace", "1h", "-o", "json"});
  EXPECT_EQ(rotated.code, 0) << rotated;
  EXPECT_NE(rotated.json()["secret"].text(), key.secret);

  const auto listed = person.run(engine, {"key", "list", "--user", "ann", "-o", "json"});
  EXPECT_EQ(listed.json()["key_id"].text(), key.key_id) << listed;
  const auto tried = person.run(engine, {"key", "revoke", key.key_id, "--dry-run"});
  EXPECT_TRUE(tried.has_output("would be revoked")) << tried;
  EXPECT_EQ(verify().code, 0);
  const auto revoked = person.run(engine, {"revoke", "--secret-file", secret, "--reason", "leaked"});
  EXPECT_EQ(revoked.code, 0) << revoked;
  EXPECT_TRUE(revoked.has_output(key.key_id)) << revoked;
  EXPECT_FALSE(revoked.has_output(key.secret));
  EXPECT_EQ(verify().code, 1);
  const auto audit = person.run(engine, {"audit", "--key-id", key.key_id});
  for (const auto* verb :
       {"key.created", "key.suspended", "key.resumed", "key.changed", "key.rotated", "key.revoked"})
    EXPECT_TRUE(audit.has_output(verb)) << audit;
}

TEST(CtlErrors, AreOneLineAndHaveTheirOwnCodes) {
  EngineProcess engine;
  Operator person;
  const auto absent = person.run(engine, {"key", "show", "no-such-key"});
  EXPECT_EQ(absent.code, 1);
  EXPECT_TRUE(absent.has_error("revokectl: key_not_found: ")) << absent;
  EXPECT_EQ(std::ranges::count(absent.errors, '\n'), 1) << absent;
  EXPECT_EQ(absent.output, "");

  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"key"},
                                             {"no-such-command"},
                                             {"status", "--no-such-option"},
                                             {"revoke", "--engine", engine.url()},
                                             {"key", "show", "id", "--engine", "no-such-name"},
                                             {"key", "show", "id", "--engine", "ftp://nowhere"},
                                             {"key", "show", "id", "--engine", engine.url()},
                                             {"key", "show", "id", "--key-file", "/no/such/file"},
                                             {"import", "/no/such/file", "--engine", engine.url()}}) {
    const auto wrong = person.run(arguments);
    EXPECT_EQ(wrong.code, 2) << wrong;
    EXPECT_EQ(std::ranges::count(wrong.errors, '\n'), 1) << wrong;
  }
  EXPECT_EQ(engine.stop(), 0);
  const auto away = person.run(engine, {"status"});
  EXPECT_EQ(away.code, 1) << away;
  EXPECT_TRUE(away.has_error(engine.url())) << away;
}

TEST(CtlConfiguration, NamesEngines) {
  const CertificateFiles tls;
  EngineProcess engine({.tls = &tls});
  Operator person;
  person.write(".config/revoked/revokectl.toml",
               "default = \"test\"\n[engine.other]\nurl = \"http://127.0.0.1:1\"\n[engine.test]\nurl = \"" +
                   engine.url() + "\"\nkey_file = \"~/key\"\nca_file = \"" + tls.ca().string() + "\"\n");
  person.write("key", engine.master_key());
  const auto usual = person.run({"gateways"});
  EXPECT_EQ(usual.code, 0) << usual;
  const auto named = person.run({"gateways", "--engine", "test"});
  EXPECT_EQ(named.code, 0) << named;
  const auto other = person.run({"gateways", "--engine", "other"});
  EXPECT_EQ(other.code, 1) << other;
  const auto untrusted = person.run({"gateways", "--engine", engine.url(), "--key-file", "key"});
  EXPECT_EQ(untrusted.code, 1) << untrusted;
  EXPECT_TRUE(untrusted.has_error("certificate")) << untrusted;
  person.write(".config/revoked/revokectl.toml", "[engine.test]\nuri = \"x\"\n");
  const auto wrong = person.run({"gateways"});
  EXPECT_EQ(wrong.code, 2) << wrong;
  EXPECT_TRUE(wrong.has_error("uri")) << wrong;
}

TEST(CtlLeaks, EndsOurKeysOfAReportAndShowsNoSecret) {
  EngineProcess engine;
  GatewayProcess one(engine, {.arguments = {"--name", "edge-1"}});
  GatewayProcess two(engine, {.arguments = {"--name", "edge-2", "--stale-after", "30s"}});
  Operator person;
  const auto ours = create_keys(engine, 40);
  std::string report = "[";
  for (std::size_t i = 0; i < 500; ++i) {
    const auto secret =
        i % 12 == 0 && i / 12 < ours.size() ? ours[i / 12].secret : "of-somebody-else-" + std::to_string(i);
    report += (i == 0 ? "" : ",") + std::string(R"({"RuleID":"generic-api-key","Secret":")") + secret +
              R"(","File":"a.env","StartLine":)" + std::to_string(i + 1) + "}";
  }
  const auto file = person.write("report.json", report + "]");
  auto admin = engine.client();
  ASSERT_TRUE(eventually([&] { return admin.get("/v1/gateways").json()["gateways"].size() == 2; }));
  const auto state = [&](std::size_t i) { return state_of(admin, ours[i].key_id); };

  const auto tried = person.run(engine, {"leaks", file, "--dry-run"});
  EXPECT_EQ(tried.code, 0) << tried;
  EXPECT_TRUE(tried.has_error("500 secrets, 40 keys of ours, 40 not yet revoked")) << tried;
  EXPECT_TRUE(tried.has_output("a.env:13")) << tried;
  EXPECT_EQ(state(1), "active");
  const auto real = person.run(engine, {"leaks", file, "--wait", "2"});
  EXPECT_EQ(real.code, 0) << real;
  EXPECT_TRUE(real.has_output("40 revoked")) << real;
  EXPECT_TRUE(real.has_output("edge-1") && real.has_output("edge-2") && real.has_output("applied")) << real;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(state(i), "revoked") << i;
    EXPECT_FALSE(real.has_output(ours[i].secret) || tried.has_output(ours[i].secret));
  }
  const auto again = person.run(engine, {"leaks", file, "--dry-run"});
  EXPECT_TRUE(again.has_error("40 keys of ours, 0 not yet revoked")) << again;

  two.process().signal(SIGSTOP);
  const auto another = create_key(admin);
  const auto late =
      person.run(engine, {"leaks", person.write("list.txt", another.secret + "\n"), "--wait", "1"});
  EXPECT_EQ(late.code, 3) << late;
  EXPECT_TRUE(late.has_error("not enforced in 1 s by edge-2")) << late;
  two.process().signal(SIGCONT);
}

TEST(CtlBulk, ImportsRevokesAndBacksUp) {
  EngineProcess engine;
  Operator person;
  std::string keys, ids;
  for (int i = 0; i < 5000; ++i) {
    const auto number = std::to_string(i);
    keys += R"({"key_id":"k)" + number + R"(","secret":"secret-number-)" + number + "\"}\n";
    ids += R"({"key_id":"k)" + number + "\"}\n";
  }
  const auto imported = person.run(engine, {"import", person.write("keys", keys)});
  EXPECT_EQ(imported.code, 0) << imported;
  EXPECT_TRUE(imported.has_output("5000 created")) << imported;
  const auto listed = person.run(engine, {"key", "list", "--limit", "0", "-o", "json"});
  EXPECT_EQ(std::ranges::count(listed.output, '\n'), 5000);

  const auto file = person.write("ids", ids + "nonsense\n");
  const auto tried = person.run(engine, {"bulk", file, "--dry-run", "-o", "json"});
  EXPECT_EQ(tried.json()["revoked"].number(), 5000) << tried;
  const auto bulk = person.run(engine, {"bulk", file});
  EXPECT_EQ(bulk.code, 1) << "a line failed: " << bulk;
  EXPECT_TRUE(bulk.has_output("5000 revoked")) << bulk;
  EXPECT_TRUE(bulk.has_error("line 5001: ")) << bulk;

  const auto archive = person.file("backup.tar");
  const auto backup = person.run(engine, {"backup", archive, "-o", "json"});
  EXPECT_EQ(backup.code, 0) << backup;
  struct stat status {};
  ASSERT_EQ(::stat(archive.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(backup.json()["bytes"].number(), status.st_size) << backup;
  EXPECT_FALSE(backup.json()["position"].text().empty()) << backup;

  const auto data = person.file("restored").string();
  EXPECT_EQ(person.run({"restore", file, "--data-dir", data}).code, 1) << "no archive";
  const auto bytes = read_file(archive);
  const auto cut = person.write("cut.tar", bytes.substr(0, bytes.size() - 1));
  const auto incomplete = person.run({"restore", cut, "--data-dir", data});
  EXPECT_EQ(incomplete.code, 1) << incomplete;
  EXPECT_TRUE(incomplete.has_error("incomplete")) << incomplete;
  EXPECT_FALSE(std::filesystem::exists(data) || std::filesystem::exists(data + ".part")) << "nothing is left";
  const auto restored = person.run({"restore", archive, "--data-dir", data});
  EXPECT_EQ(restored.code, 0) << restored;
  EXPECT_EQ(person.run({"restore", archive, "--data-dir", data}).code, 2) << "it is not empty";
  EngineProcess other;
  EXPECT_EQ(other.stop(), 0);
  std::filesystem::remove_all(other.data_directory());
  std::filesystem::rename(data, other.data_directory());
  other.start();
  auto admin = other.client();
  EXPECT_EQ(state_of(admin, "k4999"), "revoked");
}

TEST(CtlLocks, DenyAnOwnerUntilTheyAreLifted) {
  EngineProcess engine;
  Operator person;
  auto admin = engine.client();
  const auto key = make_key(person, engine, {"--user", "ann lee"});
  const auto locked = person.run(engine, {"lock", "--user", "ann lee", "--expires", "12h", "--wait", "1"});
  EXPECT_EQ(locked.code, 0) << locked;
  EXPECT_TRUE(locked.has_output("Locked the user ann lee until ")) << locked;
  EXPECT_EQ(state_of(admin, key.key_id), "locked");
  const auto lifted = person.run(engine, {"unlock", "--user", "ann lee"});
  EXPECT_EQ(lifted.code, 0) << lifted;
  EXPECT_EQ(state_of(admin, key.key_id), "active");
  EXPECT_EQ(person.run(engine, {"lock", "--reason", "odd"}).code, 2);
}

TEST(CtlStatus, TellsWhatIsAboutToExpire) {
  const CertificateFiles tls;
  EngineProcess engine({.arguments = {"--advertise", "https://engine.example:7385"}, .tls = &tls});
  Operator person;
  make_key(person, engine, {"--expires", "1h"});
  Outcome status;
  EXPECT_TRUE(eventually([&] {
    status = person.run(engine, {"status"});
    return status.has_output("1 expires within 7 days");
  })) << status;
  EXPECT_EQ(status.code, 1) << "the certificate is valid for a day";
  EXPECT_TRUE(status.has_output("expires in 0 days")) << status;
  const auto engines = person.run(engine, {"engines"});
  EXPECT_TRUE(engines.has_output("https://engine.example:7385") && engines.has_output("leader")) << engines;
  EXPECT_TRUE(engines.has_output("current")) << engines;
}

TEST(CtlTail, FollowsAcrossARestartOfTheEngine) {
  EngineProcess engine;
  Operator person;
  auto admin = engine.client();
  const auto begin = admin.get("/v1/invalidations").json()["position"].text();
  Process tail(person.command(engine, {"tail", "--after", begin}));
  const auto revoke_one = [&] {
    const auto key = create_key(admin, {{"user", "ann"}});
    EXPECT_EQ(admin.request("DELETE", "/v1/keys/" + key.key_id + "?reason=leaked").status, 200);
    return key.key_id;
  };
  const auto is_shown = [&](const std::string& key_id) {
    const auto line = tail.wait_for_line("20", 60s);
    EXPECT_TRUE(line && line->find("key.revoked") != line->npos && line->find(key_id) != line->npos &&
                line->find("reason=leaked") != line->npos)
        << line.value_or("nothing") << tail.description();
  };
  is_shown(revoke_one());
  EXPECT_EQ(engine.stop(), 0);
  engine.start();
  admin.close();
  is_shown(revoke_one());
  tail.signal(SIGTERM);
  EXPECT_EQ(tail.wait(20s), 128 + SIGTERM);
}

TEST(CtlCompletion, KnowsCommandsAndOptions) {
  Operator person;
  const auto complete = [&](const std::string& words, int current) {
    const auto script = "source <(" + program("revokectl").string() + " completion bash); COMP_WORDS=(" +
                        words + "); COMP_CWORD=" + std::to_string(current) +
                        "; _revokectl; echo \"${COMPREPLY[*]}\"";
    auto command = person.command({});
    command.command = {"bash", "-c", script};
    return person.run(command).output;
  };
  EXPECT_EQ(complete("revokectl key cr", 2), "create\n");
  EXPECT_EQ(complete("revokectl key revoke id --dr", 4), "--dry-run\n");
  EXPECT_EQ(complete("revokectl -o j", 2), "json\n");
  EXPECT_NE(complete("revokectl ''", 1).find("leaks"), std::string::npos);
  for (const auto* shell : {"zsh", "fish"}) EXPECT_EQ(person.run({"completion", shell}).code, 0);
  EXPECT_TRUE(person.run({"--help"}).has_output("Exit codes"));
  EXPECT_TRUE(person.run({"key", "create", "--help"}).has_output("Examples:"));
}

}  // namespace revoked::test::ctl_systest
