// docs/errors.md: lists every code of the API, and its examples get the answers that they show.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "tests/net/dialects/dialect_fixture.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::net::documented_errors_test {

std::string contents_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string page() { return contents_of(revoked::test::source_directory() / "docs" / "errors.md"); }

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

struct Example {
  std::string text;
  std::vector<std::string> parts;  // of the block, separated by blank lines: head, body if any, answer
};

std::vector<Example> examples() {
  static const std::regex block("```http\n([^`]*)```");
  const std::string text = page();
  std::vector<Example> found;
  for (std::sregex_iterator at(text.begin(), text.end(), block); at != std::sregex_iterator(); ++at) {
    Example example{(*at)[1], {}};
    std::string rest = example.text;
    for (auto end = rest.find("\n\n"); end != std::string::npos; end = rest.find("\n\n")) {
      example.parts.push_back(rest.substr(0, end));
      rest.erase(0, end + 2);
    }
    example.parts.push_back(rest.substr(0, rest.size() - 1));
    found.push_back(std::move(example));
  }
  return found;
}

class DocumentedErrors : public DialectTest {
 protected:
  DocumentedErrors() { values_["$OPERATOR"] = master; }
  void SetUp() override {
    DialectTest::SetUp();
    create({.user = "ann", .workspace = "acme"}, "laptop");
    create({.user = "ann", .workspace = "acme"}, "phone");
    ASSERT_EQ(ask("DELETE", "/v1/keys/phone", bearer(master)).status, 200);
    values_["$ACME"] = secret({.workspace = "acme",
                               .permissions = "keys:create keys:read keys:revoke keys:write",
                               .expires_at = engine::now_unix_ms() + 3'600'000});
    values_["$READER"] = secret({.permissions = "keys:read"});
  }

  HttpResponse answer_to(const Example& example) {
    std::string head = example.parts.front();
    for (const auto& [name, value] : values_) replace_all(head, name, value);
    const std::string body = example.parts.size() > 2 ? example.parts[1] : "";
    const bool is_whole = head.find(" HTTP/1.1") != std::string::npos;  // sent unchanged
    if (!is_whole) {
      head.insert(std::min(head.find('\n'), head.size()), " HTTP/1.1\nHost: revoked");
      head += "\nContent-Length: " + std::to_string(body.size());
    }
    replace_all(head, "\n", "\r\n");
    HttpClient client(server_->port());
    client.send(head + "\r\n\r\n" + body);
    return client.receive();
  }

  std::map<std::string, std::string> values_;
};

TEST_F(DocumentedErrors, AreAnsweredAsTheExamplesSay) {
  const auto all = examples();
  ASSERT_GT(all.size(), 20u);
  for (const auto& example : all) {
    const auto answer = answer_to(example);
    std::istringstream wanted(example.parts.back());
    std::string line;
    std::getline(wanted, line);
    const auto code = answer.status >= 400 ? " " + answer.json()["code"].text() : "";
    EXPECT_EQ(std::to_string(answer.status) + code, line) << example.text << "\nanswered " << answer.body;
    while (std::getline(wanted, line)) {
      const auto colon = line.find(": ");
      EXPECT_EQ(answer.json()[line.substr(0, colon)].text(), line.substr(colon + 2)) << example.text;
    }
  }
}

TEST_F(DocumentedErrors, AreAll) {
  // A status followed by a code, wherever the API makes an error, and the codes of lines.
  static const std::regex made(
      R"re((?:\b[45]\d\d, |(?:return |line, )\{|refuse(?:_gathered)?\((?:\*line, )?)"([a-z_]+)")re");
  const std::string text = page();
  std::set<std::string> codes;
  const auto net = revoked::test::source_directory() / "net";
  for (const auto& file : std::filesystem::recursive_directory_iterator(net)) {
    // Dialects have their own errors, the gateway answers with reasons, and OpenApiDocument compares the
    // rest.
    const auto room = file.path().parent_path().filename();
    if (file.is_directory() || room == "dialects" || room == "check" || room == "openapi") continue;
    const std::string source = contents_of(file.path());
    for (std::sregex_iterator at(source.begin(), source.end(), made); at != std::sregex_iterator(); ++at)
      codes.insert((*at)[1]);
  }
  EXPECT_GT(codes.size(), 25u);
  EXPECT_TRUE(codes.contains("line_too_long") && codes.contains("secret_missing"));
  for (const auto& code : codes) EXPECT_NE(text.find('`' + code + '`'), std::string::npos) << code;
}

}  // namespace revoked::net::documented_errors_test
