#pragma once
// What a request that lasts may do, looked at again while it lasts: a body that is taken piece by piece, a
// stream. A key may be revoked meanwhile, a token expire, a master key leave its file. Keeps what the caller
// was known by, never the credential. Asking costs about as much as authenticating a request: it is cheap
// enough for every piece.
//
// On any one thread at a time. The authenticator outlives it.

#include "net/auth/authenticator.hpp"

namespace revoked::net {

class Authority {
 public:
  // What the caller of a request has that has just been let do what takes `permission`.
  Authority(const Authenticator& authenticator, const Presented& presented, engine::Permission permission);

  enum class Standing {
    good,
    unauthenticated,  // the credential is not good any more
    changed,          // it is, but may do other things now, or for other owners: what was begun cannot go on
  };
  // As of now. Once it is not good it stays so.
  Standing look_again();
  Standing standing() const { return standing_; }  // as of the last look

 private:
  const Authenticator& authenticator_;
  const engine::Permission permission_;
  Evidence evidence_;
  std::optional<engine::Principal> principal_;
  Standing standing_ = Standing::good;
};

}  // namespace revoked::net
