// A gateway's report of its position: what is read can be written again, and is read the same.

#include "cache/bus/report.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace revoked::report_fuzz {

FUZZ_TARGET(report) {
  const fuzz::Exact input(fuzz::text_of(data, size));
  const auto report = cache::decode_report(input.view());
  if (!report) return 0;
  REQUIRE(cache::is_gateway_name(report->gateway));
  REQUIRE(report->applied.epoch >= 1 && report->lease.count() >= 0);
  REQUIRE(report->version.size() <= cache::max_gateway_version_size);
  const auto text = cache::encode_report(*report);
  const auto again = cache::decode_report(text);
  REQUIRE(bool(again));
  REQUIRE(cache::encode_report(*again) == text);
  return 0;
}

}  // namespace revoked::report_fuzz
