#pragma once
// The pages that an EngineClient is reading: each on its own connection, so that responses cannot be mixed
// up. One thread, that of the io_context. Held by shared_ptr: its coroutines keep it until they end.

#include <memory>
#include <string>
#include <vector>

#include "cache/edge/engine_choice.hpp"
#include "cache/edge/engine_client.hpp"

namespace revoked::cache {

class PageFetches : public std::enable_shared_from_this<PageFetches> {
 public:
  // `head`: the header lines of a request after "Host:", each with its line end.
  PageFetches(asio::io_context& io, std::shared_ptr<EngineChoice> engines, std::string head,
              std::chrono::milliseconds timeout);
  ~PageFetches();

  // As EngineClient::read_page.
  void read(std::optional<Position> after, std::string_view journal, EngineClient::PageHandler done);

  // Those from an engine that is no longer in use fail.
  void on_engine_changed();

  // Fails all callers now; the coroutines end when the io_context runs on.
  void stop();

 private:
  struct Fetch;
  static Task<> run(std::shared_ptr<PageFetches> self, std::shared_ptr<Fetch> fetch);

  asio::io_context& io_;
  const std::shared_ptr<EngineChoice> engines_;
  const std::string head_;
  const std::chrono::milliseconds timeout_;
  std::vector<std::shared_ptr<Fetch>> fetches_;
};

}  // namespace revoked::cache
