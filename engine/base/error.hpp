#pragma once
// The expected failures of the whole product: one enum, one category, one result type.
// Exceptions are for bugs and for a start that failed, never for these.

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <cerrno>

namespace revoked::engine {

enum class errc {
  not_found = 1,             // no such key
  already_exists,            // a key with this id or this digest exists
  already_revoked,           // a revoked key stays as it is
  not_active,                // the key is suspended, locked or expired
  invalid_key_id,            // see is_key_id
  invalid_owner_id,          // see is_owner_id
  invalid_field,             // another field is over its limit or malformed
  not_ready,                 // the engine is still loading, or is stopping
  overloaded,                // a bounded queue is full: nothing was done, try again later
  storage_failed,            // the disk failed: the outcome is unknown, the engine is going down
  storage_in_use,            // another engine holds the data directory
  storage_corrupt,           // the log cannot be trusted
  position_gone,             // the asked range is not in this journal (any more)
  malformed,                 // bytes that do not parse
  unavailable,               // a peer cannot be reached
  timed_out,                 // a peer did not answer in time
  refused,                   // a peer refused our credential
  forbidden,                 // the caller lacks what the key has: a permission, or that it is of its owners
  outlives_caller,           // the key would live longer than the one that asks for it
  too_many_permission_sets,  // the caller's owners have no room for another
  suspended_by_wider,        // the caller reaches less than who suspended the key
  locked_by_wider,           // the caller reaches less than who locked the owner
  out_of_reach,              // an owner of whom the caller can have no keys
  too_many_locks,            // the caller's owners have no room for another lock of an owner without keys
  not_recalled,              // what is known of a key that left the tables has to be read first: Recalled
};

const boost::system::error_category& category() noexcept;

inline boost::system::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), category()};
}

// What errno says.
inline boost::system::error_code errno_code() noexcept { return {errno, boost::system::system_category()}; }

template <class T>
using result = boost::system::result<T>;

}  // namespace revoked::engine

template <>
struct boost::system::is_error_code_enum<revoked::engine::errc> : std::true_type {};
