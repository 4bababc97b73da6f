// The only file that includes hiredis.
#include "cache/bus/resp.hpp"

#include <hiredis/read.h>

#include <stdexcept>
#include <utility>

namespace revoked::cache {
namespace {

using Kind = RespReply::Kind;

constexpr std::size_t max_reason_size = 200;

bool is_nested(const redisReadTask* task) {
  return task->parent != nullptr && task->parent->parent != nullptr;
}

// Place of the reader's next object: the root, or an element of the array. The reader treats null as out of
// memory.
RespReply* place(const redisReadTask* task) {
  if (task->parent == nullptr) return new RespReply;
  auto* const array = static_cast<RespReply*>(task->parent->obj);
  const auto index = static_cast<std::size_t>(task->idx);
  return index < array->elements.size() ? &array->elements[index] : nullptr;
}

// An element of a nested array is left out: the array stands for it.
void* make(const redisReadTask* task, Kind kind, std::string_view text = {}, std::int64_t integer = 0) {
  if (is_nested(task)) return task->parent->obj;
  auto* const reply = place(task);
  if (reply == nullptr) return nullptr;
  reply->kind = kind;
  reply->text = text;
  reply->integer = integer;
  return reply;
}

redisReplyObjectFunctions functions() {
  redisReplyObjectFunctions made{};
  made.createString = [](const redisReadTask* task, char* text, std::size_t size) {
    return make(task, task->type == REDIS_REPLY_ERROR ? Kind::error : Kind::text, {text, size});
  };
  // The type of `count` is int or size_t, depending on the hiredis version.
  made.createArray = [](const redisReadTask* task, auto count) -> void* {
    const bool is_root = task->parent == nullptr;
    const auto limit = is_root ? RespReader::max_elements : RespReader::max_nested_elements;
    if (std::cmp_less(count, 0) || std::cmp_greater(count, limit)) return nullptr;
    auto* const reply = static_cast<RespReply*>(make(task, Kind::array));
    if (is_root) reply->elements.resize(static_cast<std::size_t>(count));
    return reply;
  };
  made.createInteger = [](const redisReadTask* task, long long value) {
    return make(task, Kind::integer, {}, value);
  };
  made.createNil = [](const redisReadTask* task) { return make(task, Kind::nothing); };
  made.freeObject = [](void* reply) { delete static_cast<RespReply*>(reply); };
  return made;
}

}  // namespace

std::string reason_of(const RespReply& error) {
  std::string text = error.text.substr(0, max_reason_size);
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

struct RespReader::Reader {
  redisReplyObjectFunctions made = functions();
  redisReader* reader = redisReaderCreateWithFunctions(&made);
};

RespReader::RespReader(std::size_t max_bytes) : reader_(std::make_unique<Reader>()), max_bytes_(max_bytes) {
  if (reader_->reader == nullptr) throw std::bad_alloc();
}

RespReader::~RespReader() { redisReaderFree(reader_->reader); }

void RespReader::feed(std::string_view bytes) {
  redisReaderFeed(reader_->reader, bytes.data(), bytes.size());
}

std::unique_ptr<RespReply> RespReader::next(std::string& error) {
  error.clear();
  void* reply = nullptr;
  if (redisReaderGetReply(reader_->reader, &reply) != REDIS_OK) {
    error = reader_->reader->err == REDIS_ERR_PROTOCOL ? "a malformed reply" : "an unsupported reply";
  } else if (reply == nullptr && reader_->reader->len - reader_->reader->pos > max_bytes_) {
    error = "reply too large";
  }
  return std::unique_ptr<RespReply>(static_cast<RespReply*>(reply));
}

void append_command(std::string& out, std::initializer_list<std::string_view> arguments) {
  out.append("*").append(std::to_string(arguments.size())).append("\r\n");
  for (const auto argument : arguments) {
    out.append("$").append(std::to_string(argument.size())).append("\r\n").append(argument).append("\r\n");
  }
}

}  // namespace revoked::cache
