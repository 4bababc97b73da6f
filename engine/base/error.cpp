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
        return "a key with this id or secret exists already";
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
      case errc::overloaded:
        return "too much is waiting for the disk";
      case errc::storage_failed:
        return "the storage failed";
      case errc::storage_in_use:
        return "another engine uses this data directory";
      case errc::storage_corrupt:
        return "the journal is corrupt";
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
        return "this takes every permission that the key has, and to be of its owners and its workspace";
      case errc::outlives_caller:
        return "a key ends with the one that asks for it at the latest";
      case errc::too_many_permission_sets:
        return "the caller's owners have too many different sets of permissions";
      case errc::suspended_by_wider:
        return "the key was suspended by a caller who reaches more";
      case errc::locked_by_wider:
        return "the owner is locked by a caller who reaches more";
      case errc::out_of_reach:
        return "the owner is outside of what the caller is limited to";
      case errc::too_many_locks:
        return "the caller's owners have locked as many owners without keys as they may";
      case errc::not_recalled:
        return "the key has left memory, and has to be looked for on the disk";
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
