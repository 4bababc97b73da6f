#pragma once
// The expected failures of all programs: one enum, one category, one result type.
// Exceptions are for bugs and for a failed start, never for these.

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <cerrno>

namespace revoked::engine {

enum class errc {
  not_found = 1,             // no such key
  already_exists,            // a key with this id or this digest exists
  already_revoked,           // the key is revoked, which is final
  not_active,                // the key is suspended, locked or expired
  invalid_key_id,            // see is_key_id
  invalid_owner_id,          // see is_owner_id
  invalid_field,             // another field is malformed or over its limit
  not_ready,                 // the engine is still loading, or is stopping
  not_leader,                // another engine takes changes to this journal
  overloaded,                // a bounded queue is full: nothing was done, retry later
  storage_failed,            // the disk failed: the outcome is unknown, the engine exits
  storage_in_use,            // another engine holds the data directory
  storage_corrupt,           // the log is damaged
  storage_of_other_format,   // the log was written by another version
  position_gone,             // the requested range is not in this journal (any more)
  malformed,                 // bytes that do not parse
  unavailable,               // a peer cannot be reached
  timed_out,                 // a peer did not answer in time
  refused,                   // a peer refused our credential
  forbidden,                 // the caller lacks a permission of the key, or access to one of its owners
  outlives_caller,           // the key would expire later than the key that requests it
  too_many_permission_sets,  // the limit for the caller's owners is reached
  suspended_by_wider,        // the caller's reach is narrower than that of the one who suspended the key
  locked_by_wider,           // the caller's reach is narrower than that of the one who locked the owner
  out_of_reach,              // the caller cannot have keys of this owner
  too_many_locks,            // the caller's owners have locked too many owners without keys
  not_recalled,              // data of a key that left the tables must be read first: Recalled
};

const boost::system::error_category& category() noexcept;

inline boost::system::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), category()};
}

// errno as an error code.
inline boost::system::error_code errno_code() noexcept { return {errno, boost::system::system_category()}; }

template <class T>
using result = boost::system::result<T>;

}  // namespace revoked::engine

template <>
struct boost::system::is_error_code_enum<revoked::engine::errc> : std::true_type {};
