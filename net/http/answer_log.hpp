#pragma once
// Log lines about the answers that a connection has gathered, held until those may be sent: what a line
// reports is then durable. Belongs to the connection, used on its thread.
//
// A handler begins a line about its own request, and it or its `rest` adds members; the session ends the line
// with the status once the request is answered, and writes it together with the answer.

#include <cstdint>
#include <string_view>

#include "engine/model/position.hpp"
#include "net/http/log.hpp"
#include "net/http/record_bytes.hpp"

namespace revoked::net {

class AnswerLog {
 public:
  // Replaces what was begun about the same request.
  void begin(Level level, std::string_view message);
  // Names are literals. Without effect if no line has begun.
  AnswerLog& field(std::string_view name, std::string_view value);
  AnswerLog& field(std::string_view name, engine::Position value);
  AnswerLog& fields(LogFields fields);

  // For the session. `status` 0: there is no answer, so the client does not know.
  void end(unsigned status);
  void write();
  void shrink();

 private:
  static constexpr std::size_t kept_bytes = 64 << 10;  // while the connection is used
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  using Size = std::uint32_t;

  RecordBytes records_;      // each after its size
  std::size_t open_ = none;  // where the size of the record that was begun is
};

}  // namespace revoked::net
