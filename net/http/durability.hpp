#pragma once
// What responses wait for: a log whose entries become durable in order. Implemented by the owner of the log;
// the server knows only this interface.

#include <cstdint>
#include <functional>

namespace revoked::net {

class Durability {
 public:
  using Sequence = std::uint64_t;
  using OnProgress = std::function<void()>;

  virtual ~Durability() = default;
  // Everything up to this sequence is on disk. From any thread.
  virtual Sequence durable() const = 0;
  // Registers a callback for when durable() has grown; called from any thread, must be quick. Call before
  // anything waits.
  virtual void add(OnProgress on_progress) = 0;
};

}  // namespace revoked::net
