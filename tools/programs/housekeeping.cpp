#include "tools/programs/housekeeping.hpp"

#include <malloc.h>

namespace revoked::tools {

Housekeeping::Housekeeping(boost::asio::io_context& io, engine::Engine& engine)
    : engine_(engine), timer_(io.get_executor()), trimmed_at_(engine.applied()), seen_(trimmed_at_) {
  wait();
}

void Housekeeping::wait() {
  timer_.expires_after(std::chrono::seconds(1));
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    const auto applied = engine_.applied();
    if (applied - trimmed_at_ >= burst_events && applied - seen_ < calm_events) {
      ::malloc_trim(0);
      trimmed_at_ = applied;
    }
    seen_ = applied;
    engine_.record_counted_refusals();
    wait();
  });
}

}  // namespace revoked::tools
