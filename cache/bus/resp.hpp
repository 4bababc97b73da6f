#pragma once
// Redis' protocol as bytes: commands to send, replies to read. Replies are read with hiredis' reader alone:
// its layers above end the process at replies that they do not expect. Whatever comes is a reply or an error,
// and what is kept of it is bounded. One thread.

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
  std::vector<RespReply> elements;
};

class RespReader {
 public:
  static constexpr std::size_t max_elements = 16;  // of an array; none within another

  // Of one reply, and of what is fed and not read yet.
  explicit RespReader(std::size_t max_bytes);
  ~RespReader();
  RespReader(const RespReader&) = delete;
  RespReader& operator=(const RespReader&) = delete;

  void feed(std::string_view bytes);
  // What is there: null with an empty `error` if there is no whole reply yet. After an error, which is text
  // for a log, nothing more can be read.
  std::unique_ptr<RespReply> next(std::string& error);

 private:
  struct Reader;
  std::unique_ptr<Reader> reader_;
  std::size_t max_bytes_;
};

void append_command(std::string& out, std::initializer_list<std::string_view> arguments);

}  // namespace revoked::cache
