#pragma once
// A log line before it is formatted: its time, level, message and members, one after the other.
// To append to one costs a few copies, so that network threads do that, and the thread that writes lines
// formats.

#include <string>
#include <string_view>

#include "engine/model/position.hpp"
#include "net/http/log.hpp"
#include "net/http/record_bytes.hpp"

namespace revoked::net {

// Begins a record at the end of `record`; its time is now.
void begin_record(RecordBytes& record, Level level, std::string_view message);
// Adds a member to the record that was begun last. `name` is not copied: it must be a literal. Of the value,
// more than a line may show is left out.
void add_field(RecordBytes& record, std::string_view name, std::string_view value);
void add_fields(RecordBytes& record, LogFields fields);
void add_field(RecordBytes& record, std::string_view name, engine::Position value);

// Appends the record's line, which ends in a line feed.
void append_line(std::string& line, std::string_view record);

}  // namespace revoked::net
