#pragma once
// Reports of leaked secrets: gitleaks, trufflehog, GitHub's secret scanning and similar, as a JSON array or
// object or as lines of JSON; CSV with a header; plain secrets, one a line. No I/O.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/digest.hpp"

namespace revoked::ctl {

struct Leak {
  std::string secret;        // as reported; never shown
  std::string place;         // where the scanner found it: "config/prod.env:12", a URL
  std::string rule;          // which of the scanner's rules, or whose key it thinks it is
  std::uint64_t number = 0;  // in the report, from 1: of the line, or of the finding
};

struct LeakReport {
  enum class Form { json, lines_of_json, csv, plain };
  Form form = Form::plain;
  std::vector<Leak> leaks;
  std::uint64_t skipped = 0;  // findings and lines in which no secret was found
};

std::string_view to_string(LeakReport::Form form);

// Throws std::runtime_error, without quoting the text, if it is JSON or CSV that has no secrets.
LeakReport parse_leak_report(std::string_view text);

// The digests (SHA-256) of what a reported secret may be: it may have quotes around it.
std::vector<engine::Digest> digests_of(const Leak& leak);

// RFC 4180. A record may span lines.
std::vector<std::vector<std::string>> parse_csv(std::string_view text);

}  // namespace revoked::ctl
