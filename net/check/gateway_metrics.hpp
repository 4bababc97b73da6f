#pragma once
// The metrics of a gateway (docs/metrics.md). Any thread.

#include "cache/edge/gateway.hpp"
#include "engine/base/metrics.hpp"

namespace revoked::net {

void write_gateway_metrics(const cache::Gateway::Status& status, engine::MetricsWriter& out);

}  // namespace revoked::net
