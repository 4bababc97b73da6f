#pragma once
// Periodic work of the engine program, once a second.

#include <boost/asio/io_context.hpp>

#include "cache/wire/asio.hpp"
#include "engine/engine.hpp"

namespace revoked::tools {

// Returns memory to the system after a burst of changes, and records refusals that were only counted. Runs on
// the io_context's thread until it stops.
class Housekeeping {
 public:
  Housekeeping(boost::asio::io_context& io, engine::Engine& engine);

 private:
  static constexpr engine::Sequence burst_events = 100'000;
  static constexpr engine::Sequence calm_events = 1'000;  // a second

  void wait();

  engine::Engine& engine_;
  cache::Timer timer_;
  engine::Sequence trimmed_at_;
  engine::Sequence seen_;
};

}  // namespace revoked::tools
