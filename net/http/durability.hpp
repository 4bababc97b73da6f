#pragma once
// What answers wait for: a log whose entries become durable in their order. Implemented by whoever has one;
// the server knows no more of it.

#include <cstdint>
#include <functional>

namespace revoked::net {

class Durability {
 public:
  using Sequence = std::uint64_t;
  using OnProgress = std::function<void()>;

  virtual ~Durability() = default;
  // Everything up to here is on disk. From any thread.
  virtual Sequence durable() const = 0;
  // To be called, from any thread, whenever that has grown; must be quick. Before anything waits.
  virtual void add(OnProgress on_progress) = 0;
};

}  // namespace revoked::net
