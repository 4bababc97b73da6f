#include "engine/base/error.hpp"

#include <string>

namespace revoked::engine {
namespace {

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "revoked"; }
  std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
      case errc::not_found:
        return "no such key";
      case errc::already_exists:
        return "a key with this id or secret already exists";
      case errc::already_revoked:
        return "the key is revoked";
      case errc::not_active:
        return "the key is not active";
      case errc::invalid_key_id:
        return "a key id is 1 to 128 visible ASCII characters without / ? # % \\ \", and not . or ..";
      case errc::invalid_owner_id:
        return "an owner id is 1 to 256 bytes of UTF-8 without control characters, and not . or ..";
      case errc::invalid_field:
        return "a field is malformed or over its limit";
      case errc::not_ready:
        return "the engine is not ready";
      case errc::not_leader:
        return "another engine takes changes";
      case errc::overloaded:
        return "too many requests are waiting for the disk";
      case errc::storage_failed:
        return "the storage failed";
      case errc::storage_in_use:
        return "another engine uses this data directory";
      case errc::storage_corrupt:
        return "the journal is corrupt";
      case errc::storage_of_other_format:
        return "the journal was written by another version of this program";
      case errc::position_gone:
        return "this position is not in the journal";
      case errc::malformed:
        return "malformed";
      case errc::unavailable:
        return "cannot be reached";
      case errc::timed_out:
        return "no answer in time";
      case errc::refused:
        return "credential refused";
      case errc::forbidden:
        return "the caller needs every permission of the key, and access to its owners and its workspace";
      case errc::outlives_caller:
        return "a key must not expire later than the key that requests it";
      case errc::too_many_permission_sets:
        return "the caller's owners have too many different sets of permissions";
      case errc::suspended_by_wider:
        return "the key was suspended by a caller with a wider reach";
      case errc::locked_by_wider:
        return "the owner was locked by a caller with a wider reach";
      case errc::out_of_reach:
        return "the owner is outside the caller's reach";
      case errc::too_many_locks:
        return "the caller's owners have locked the maximum number of owners without keys";
      case errc::not_recalled:
        return "the key has left memory and must be read from disk";
    }
    return "unknown error";
  }
};

}  // namespace

const boost::system::error_category& category() noexcept {
  static const Category instance;
  return instance;
}

}  // namespace revoked::engine
