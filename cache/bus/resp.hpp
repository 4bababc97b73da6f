#pragma once
// Encodes Redis commands and decodes replies. Uses only hiredis' reader: its higher layers abort the process
// at unexpected replies. Any input yields a reply or an error, and memory is bounded. One thread.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace revoked::cache {

struct RespReply {
  enum class Kind { text, error, integer, nothing, array };
  Kind kind = Kind::nothing;
  std::string text;
  std::int64_t integer = 0;
  std::vector<RespReply> elements;  // the elements of an array that is an element are left out
};
// The text of an error, for a log.
std::string reason_of(const RespReply& error);

class RespReader {
 public:
  static constexpr std::size_t max_elements = 16;           // of an array
  static constexpr std::size_t max_nested_elements = 1024;  // of an array that is an element

  // `max_bytes` limits one reply, and the bytes fed but not read yet.
  explicit RespReader(std::size_t max_bytes);
  ~RespReader();
  RespReader(const RespReader&) = delete;
  RespReader& operator=(const RespReader&) = delete;

  void feed(std::string_view bytes);
  // The next reply; null with an empty `error` if it is incomplete. After an error (text for a log) nothing
  // more can be read.
  std::unique_ptr<RespReply> next(std::string& error);

 private:
  struct Reader;
  std::unique_ptr<Reader> reader_;
  std::size_t max_bytes_;
};

void append_command(std::string& out, std::initializer_list<std::string_view> arguments);

}  // namespace revoked::cache
