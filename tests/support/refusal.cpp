#include "tests/support/refusal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <sstream>

namespace revoked::test {

std::optional<std::string> refusal_of(EngineProcess& engine) {
  const auto before = engine.log_text().size();
  try {
    engine.start();
    return {};
  } catch (const std::runtime_error&) {
    return engine.log_text().substr(before);
  }
}

void expect_names(EngineProcess& engine, const std::string& log, const Inflicted& done) {
  EXPECT_EQ(engine.process().wait(10s), 1) << engine.process().description();
  std::vector<std::string> lines;
  std::istringstream in(log);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("revoked: ")) lines.push_back(line);
  }
  ASSERT_EQ(lines.size(), 1u) << log;
  const auto& line = lines.front();
  EXPECT_TRUE(std::ranges::any_of(done.files, [&](auto& file) { return line.find(file) != line.npos; }))
      << line;
  if (!done.bytes) return;
  std::smatch found;
  ASSERT_TRUE(std::regex_search(line, found, std::regex("byte ([0-9]+)"))) << line;
  const auto at = std::stoull(found[1]);
  EXPECT_GE(at, done.bytes->first) << line;
  EXPECT_LE(at, done.bytes->second) << line;
}

}  // namespace revoked::test
