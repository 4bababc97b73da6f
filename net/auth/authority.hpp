#pragma once
// Checks the authorization of a long request (a body read in pieces, a stream) again while it runs: its key
// may be revoked meanwhile, its token expire, its master key leave the file. Keeps the evidence, never the
// credential. A check costs about as much as authenticating a request: cheap enough for every piece.
//
// On any one thread at a time. The authenticator must outlive it.

#include "net/auth/authenticator.hpp"

namespace revoked::net {

class Authority {
 public:
  // For a request that has just been authorized for `permission`.
  Authority(const Authenticator& authenticator, const Presented& presented, engine::Permission permission);

  enum class Standing {
    good,
    unauthenticated,  // the credential is not valid any more
    changed,          // it is, but its permissions or limits differ: the request must not continue
  };
  // As of now. Once it is not `good` it stays so.
  Standing recheck();
  Standing standing() const { return standing_; }  // as of the last check

 private:
  const Authenticator& authenticator_;
  const engine::Permission permission_;
  Evidence evidence_;
  std::optional<engine::Principal> principal_;
  Standing standing_ = Standing::good;
};

}  // namespace revoked::net
