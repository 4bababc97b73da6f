#include "tools/ctl/leak_report.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <stdexcept>

#include "engine/model/secret.hpp"
#include "net/http/json_reader.hpp"
#include "tools/ctl/input.hpp"
#include "tools/ctl/json_value.hpp"

namespace revoked::ctl {
namespace {

using Names = std::span<const std::string_view>;

// In lower case; the first that is there counts. gitleaks: Secret, File, StartLine, RuleID. trufflehog: Raw,
// SourceMetadata.Data.*.{file,line,link}, DetectorName. GitHub: secret, html_url, secret_type.
constexpr std::string_view secret_names[] = {"secret",  "raw",    "rawv2", "token",
                                             "api_key", "apikey", "key",   "value"};
constexpr std::string_view file_names[] = {"file",        "path",     "filename", "file_path",
                                           "object_name", "html_url", "link",     "url"};
constexpr std::string_view line_names[] = {"startline", "line", "line_number", "start_line"};
constexpr std::string_view rule_names[] = {"ruleid", "detectorname", "secret_type",
                                           "rule",   "rule_id",      "type"};
// An object that holds the findings in an array.
constexpr std::string_view list_names[] = {"findings", "results", "leaks", "secrets", "issues"};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

const JsonValue* find(const JsonValue& object, Names names) {
  for (const auto name : names) {
    for (const auto& [member, value] : object.members())
      if (lower(member) == name && !value.text().empty()) return &value;
  }
  return nullptr;
}

// The same in the object or in one inside it.
const JsonValue* find_inside(const JsonValue& object, Names names) {
  if (const auto* const found = find(object, names)) return found;
  for (const auto& [member, value] : object.members()) {
    if (const auto* const found = find_inside(value, names)) return found;
  }
  return nullptr;
}

std::string place_of(const std::string& file, const std::string& line) {
  return line.empty() || line == "0" || file.empty() ? file : file + ":" + line;
}

std::string text_of(const JsonValue* value) { return value == nullptr ? std::string() : value->text(); }

void add_leak(LeakReport& report, Leak leak) {
  if (engine::is_reported_secret(leak.secret))
    report.leaks.push_back(std::move(leak));
  else
    ++report.skipped;
}

void add_finding(LeakReport& report, const JsonValue& finding, std::uint64_t number) {
  if (finding.kind() == JsonValue::Kind::text) return add_leak(report, {finding.text(), "", "", number});
  const auto place =
      place_of(text_of(find_inside(finding, file_names)), text_of(find_inside(finding, line_names)));
  const auto rule = text_of(find(finding, rule_names));
  const auto first = report.leaks.size();
  const auto skipped = report.skipped;
  // trufflehog's RawV2 may be the key where Raw is only its id.
  std::string last;
  for (const auto& name : secret_names) {
    const auto* const secret = find(finding, Names(&name, 1));
    if (secret == nullptr || secret->text() == last) continue;
    last = secret->text();
    add_leak(report, {last, place, rule, number});
  }
  report.skipped = skipped + (report.leaks.size() == first ? 1 : 0);
}

void add_findings(LeakReport& report, const JsonValue& root) {
  const auto* list = &root;
  for (const auto name : list_names) {
    for (const auto& [member, value] : root.members())
      if (lower(member) == name && value.is_array()) list = &value;
  }
  if (!list->is_array()) return add_finding(report, *list, 1);
  std::uint64_t number = 0;
  for (const auto& finding : list->items()) add_finding(report, finding, ++number);
}

// False: a line is not JSON.
bool add_lines_of_json(LeakReport& report, std::string_view text) {
  std::uint64_t number = 0;
  for (const auto line : lines_of(text)) {
    ++number;
    const auto finding = JsonValue::parse(line);
    if (!finding.is_object()) return false;
    add_finding(report, finding, number);
  }
  return true;
}

std::optional<std::size_t> column_of(const std::vector<std::string>& header, Names names) {
  for (const auto name : names) {
    const auto found =
        std::ranges::find_if(header, [&](const auto& column) { return lower(column) == name; });
    if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  }
  return {};
}

std::string cell(const std::vector<std::string>& record, std::optional<std::size_t> column) {
  return column && *column < record.size() ? record[*column] : std::string();
}

// False: it has no header that names a column of secrets.
bool add_csv(LeakReport& report, std::string_view text) {
  const auto header_line = text.substr(0, text.find_first_of("\r\n"));
  const auto header = parse_csv(header_line);
  if (header.empty()) return false;
  const auto secret = column_of(header[0], secret_names);
  if (!secret || (header[0].size() == 1 && header[0][0] == text)) return false;
  const auto file = column_of(header[0], file_names), line = column_of(header[0], line_names),
             rule = column_of(header[0], rule_names);
  const auto records = parse_csv(text);
  for (std::size_t i = 1; i < records.size(); ++i) {
    add_leak(report, {cell(records[i], secret), place_of(cell(records[i], file), cell(records[i], line)),
                      cell(records[i], rule), i});
  }
  return true;
}

}  // namespace

std::string_view to_string(LeakReport::Form form) {
  switch (form) {
    case LeakReport::Form::json:
      return "JSON";
    case LeakReport::Form::lines_of_json:
      return "lines of JSON";
    case LeakReport::Form::csv:
      return "CSV";
    case LeakReport::Form::plain:
      break;
  }
  return "plain lines";
}

LeakReport parse_leak_report(std::string_view text) {
  text = net::without_bom(text);
  const auto first = text.find_first_not_of(" \t\r\n");
  LeakReport report;
  if (first == text.npos) return report;
  if (text[first] == '[' || text[first] == '{') {
    using Form = LeakReport::Form;
    if (const auto root = JsonValue::parse(text); root.is_array() || root.is_object()) {
      report.form = Form::json;
      add_findings(report, root);
    } else {
      report.form = Form::lines_of_json;
      if (text[first] == '[' || !add_lines_of_json(report, text))
        throw std::runtime_error("it begins as JSON, but is neither one JSON value nor one object a line");
    }
  } else if (add_csv(report, text)) {
    report.form = LeakReport::Form::csv;
  } else {
    std::uint64_t number = 0;
    for (const auto line : lines_of(text)) add_leak(report, {std::string(line), "", "", ++number});
  }
  if (report.leaks.empty() && report.skipped != 0)
    throw std::runtime_error("read as " + std::string(to_string(report.form)) + ", it names no secret");
  return report;
}

std::vector<engine::Digest> digests_of(const Leak& leak) {
  std::vector<engine::Digest> digests;
  for (const auto reading : engine::readings_of(leak.secret)) {
    if (engine::is_secret(reading)) digests.push_back(engine::sha256(reading));
  }
  return digests;
}

std::vector<std::vector<std::string>> parse_csv(std::string_view text) {
  std::vector<std::vector<std::string>> records;
  std::vector<std::string> record(1);
  bool is_quoted = false;
  const auto end_record = [&] {
    if (record.size() > 1 || !record[0].empty()) records.push_back(record);
    record.assign(1, {});
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_quoted) {
      if (c != '"')
        record.back().push_back(c);
      else if (i + 1 < text.size() && text[i + 1] == '"')
        record.back().push_back(text[++i]);
      else
        is_quoted = false;
    } else if (c == '"' && record.back().empty()) {
      is_quoted = true;
    } else if (c == ',') {
      record.emplace_back();
    } else if (c == '\n' || c == '\r') {
      end_record();
    } else {
      record.back().push_back(c);
    }
  }
  end_record();
  return records;
}

}  // namespace revoked::ctl
