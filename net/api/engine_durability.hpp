#pragma once
// The engine's journal as a `Durability` for a server.

#include <deque>
#include <utility>

#include "engine/engine.hpp"
#include "net/http/durability.hpp"

namespace revoked::net {

class EngineDurability final : public Durability {
 public:
  // Must live until the engine has stopped.
  explicit EngineDurability(engine::Engine& engine) : engine_(engine) {}

  Sequence durable() const override { return engine_.durable(); }
  void add(OnProgress on_progress) override { engine_.add(listeners_.emplace_back(std::move(on_progress))); }

 private:
  struct Listener final : engine::CommitListener {
    explicit Listener(OnProgress call) : on_progress(std::move(call)) {}
    void on_durable(engine::Sequence) override { on_progress(); }  // on the journal's thread
    const OnProgress on_progress;
  };

  engine::Engine& engine_;
  std::deque<Listener> listeners_;  // a deque: the engine keeps references
};

}  // namespace revoked::net
