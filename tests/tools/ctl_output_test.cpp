// What revokectl shows: tables, progress, JSON.

#include <gtest/gtest.h>

#include "tools/ctl/json_value.hpp"
#include "tools/ctl/progress.hpp"
#include "tools/ctl/table.hpp"

namespace revoked::ctl::ctl_output_test {

TEST(CtlTable, AlignsColumnsAndLeavesEmptyOnesOut) {
  Table table({"NAME", "EMPTY", "LAG", "STATE"});
  table.add({"Zoë", "", "7", "current"});
  table.add({"edge-10", "", "1200", "stale"});
  EXPECT_EQ(table.text(false),
            "NAME      LAG  STATE\n"
            "Zoë         7  current\n"
            "edge-10  1200  stale\n");
  EXPECT_EQ(Table({"A"}).text(false), "");
}

TEST(CtlTable, ColoursStatesButNothingElse) {
  Table table({"NAME", "STATE"});
  table.add({"a", "revoked"});
  EXPECT_NE(table.text(true).find("\x1b[31mrevoked\x1b[0m"), std::string::npos);
  EXPECT_EQ(table.text(false).find('\x1b'), std::string::npos);
}

TEST(CtlTable, ShowsNothingThatCouldSteerATerminal) {
  EXPECT_EQ(shown_text("a\x1b[31mb\nc\x7f\xc2\x9b"), "a?[31mb?c??");
  EXPECT_EQ(shown_text("Zoë"), "Zoë");
}

TEST(CtlTable, ShowsTimesReadably) {
  EXPECT_EQ(shown_time("2026-01-02T03:04:05.678Z"), "2026-01-02 03:04:05");
  EXPECT_EQ(shown_time("3-1042"), "3-1042");
}

TEST(CtlProgress, HasRateAndTimeLeft) {
  const ProgressLine half{"import", "lines", 500'000, 50, 100, 2};
  EXPECT_EQ(half.text(), "import  [############            ]  50 %  500 k lines  250 k/s  2 s left");
  const ProgressLine unknown{"backup", "B", 1'234'567, 1'234'567, 0, 1};
  EXPECT_EQ(unknown.text(), "backup  1.2 M B  1.2 M/s");
  EXPECT_EQ(short_number(999), "999");
  EXPECT_EQ(short_number(5'000'000'000), "5.0 G");
}

TEST(CtlJson, IsReadAndWrittenAsItWas) {
  const std::string text =
      R"({"a":"x\"y","n":[1,2.5,-3,null,true],"o":{"b":{},"c":[]},"big":18446744073709551615})";
  const auto value = JsonValue::parse(text);
  EXPECT_EQ(value.json(), text);
  EXPECT_EQ(value["a"].text(), "x\"y");
  EXPECT_EQ(value["n"].items()[1].number(), 2.5);
  EXPECT_EQ(value["o"]["none"]["deeper"].kind(), JsonValue::Kind::missing);
  EXPECT_EQ(JsonValue::parse("{").kind(), JsonValue::Kind::missing);
  EXPECT_EQ(JsonValue::parse(std::string(1000, '[')).kind(), JsonValue::Kind::missing);
}

}  // namespace revoked::ctl::ctl_output_test
