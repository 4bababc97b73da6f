#pragma once
// The engine's journal as a `Durability` for a server.

#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "net/http/durability.hpp"

namespace revoked::net {

class EngineDurability final : public Durability, private engine::CommitListener {
 public:
  // Construct before the engine starts; must live until it has stopped.
  explicit EngineDurability(engine::Engine& engine) : engine_(engine) { engine.add(*this); }

  Sequence durable() const override { return engine_.durable(); }
  void add(OnProgress on_progress) override { on_progress_.push_back(std::move(on_progress)); }

 private:
  void on_durable(engine::Sequence) override {  // on the journal's thread
    for (const auto& each : on_progress_) each();
  }

  engine::Engine& engine_;
  std::vector<OnProgress> on_progress_;
};

}  // namespace revoked::net
