// Reports of leaked secrets, in the forms that scanners write.

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "tools/ctl/leak_report.hpp"

namespace revoked::ctl::ctl_leak_report_test {

using Form = LeakReport::Form;
using Texts = std::vector<std::string>;

// "secret place rule" of each.
Texts texts_of(const LeakReport& report) {
  Texts texts;
  for (const auto& [secret, place, rule, number] : report.leaks)
    texts.push_back(secret + " | " + place + " | " + rule);
  return texts;
}

TEST(LeakReports, AreReadFromGitleaks) {
  const auto report = parse_leak_report(R"([
 {"RuleID":"generic-api-key","Description":"","StartLine":12,"EndLine":12,"Match":"key = \"secret-one\"",
  "Secret":"secret-one","File":"config/prod.env","SymlinkFile":"","Commit":"ab12","Entropy":4.1,"Tags":[]},
 {"RuleID":"jwt","StartLine":3,"Secret":"secret-two","File":"b.txt"}])");
  EXPECT_EQ(report.form, Form::json);
  EXPECT_EQ(texts_of(report),
            (Texts{"secret-one | config/prod.env:12 | generic-api-key", "secret-two | b.txt:3 | jwt"}));
  EXPECT_EQ(report.leaks[1].number, 2u);
  EXPECT_TRUE(parse_leak_report("[]").leaks.empty());
}

TEST(LeakReports, AreReadFromTrufflehog) {
  const auto report = parse_leak_report(
      R"({"SourceMetadata":{"Data":{"Git":{"commit":"ab","file":"deploy.sh","line":7}}},"DetectorName":"Acme","Verified":false,"Raw":"secret-one","RawV2":"","Redacted":""}
{"SourceMetadata":{"Data":{"Filesystem":{"file":"/srv/x"}}},"DetectorName":"Acme","Raw":"id-of-the-key","RawV2":"secret-two"}
)");
  EXPECT_EQ(report.form, Form::lines_of_json);
  EXPECT_EQ(texts_of(report), (Texts{"secret-one | deploy.sh:7 | Acme", "id-of-the-key | /srv/x | Acme",
                                     "secret-two | /srv/x | Acme"}));
}

TEST(LeakReports, AreReadFromGithubAndFromObjectsAroundAList) {
  const auto report = parse_leak_report(
      R"({"findings":[{"number":1,"secret":"secret-one","secret_type":"acme_token","html_url":"https://x/1"},"secret-two"]})");
  EXPECT_EQ(texts_of(report), (Texts{"secret-one | https://x/1 | acme_token", "secret-two |  | "}));
}

TEST(LeakReports, AreReadFromCsvByTheNamesOfItsColumns) {
  const auto report = parse_leak_report(
      "RuleID,Commit,File,SymlinkFile,Secret,Match,StartLine\r\n"
      "jwt,ab,\"a,b.txt\",,\"secret,\"\"one\"\"\",\"two\r\nlines\",5\r\n"
      "jwt,ab,c.txt,,short,m,6\r\n");
  EXPECT_EQ(report.form, Form::csv);
  EXPECT_EQ(texts_of(report), (Texts{"secret,\"one\" | a,b.txt:5 | jwt"}));
  EXPECT_EQ(report.skipped, 1u) << "too short for a secret";
}

TEST(LeakReports, AreReadFromPlainLines) {
  const auto report = parse_leak_report("\xef\xbb\xbfsecret-one\r\n\r\n  \"secret-two\"  \nsecret,three");
  EXPECT_EQ(report.form, Form::plain);
  EXPECT_EQ(texts_of(report), (Texts{"secret-one |  | ", "\"secret-two\" |  | ", "secret,three |  | "}));
  const auto digests = digests_of(report.leaks[1]);
  EXPECT_EQ(digests, (std::vector{engine::sha256("\"secret-two\""), engine::sha256("secret-two")}))
      << "with and without its quotes";
  EXPECT_TRUE(parse_leak_report(" \n").leaks.empty());
}

TEST(LeakReports, ThatNameNoSecretAreRefusedWithoutQuotingThem) {
  for (const auto* const text : {R"([{"File":"a"}])", R"({"a":1}
nonsense-that-may-be-a-secret)",
                                 R"([{"Secret":"unfinished-secret")"}) {
    try {
      parse_leak_report(text);
      ADD_FAILURE() << text;
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(std::string(error.what()).find("secret\""), std::string::npos);
      EXPECT_EQ(std::string(error.what()).find("nonsense"), std::string::npos);
    }
  }
}

}  // namespace revoked::ctl::ctl_leak_report_test
