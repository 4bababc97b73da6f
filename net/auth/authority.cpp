#include "net/auth/authority.hpp"

namespace revoked::net {

Authority::Authority(const Authenticator& authenticator, const Presented& presented,
                     engine::Permission permission)
    : authenticator_(authenticator),
      permission_(permission),
      principal_(authenticator.authenticate(presented, &evidence_)) {
  recheck();
}

Authority::Standing Authority::recheck() {
  if (standing_ != Standing::good) return standing_;
  const auto now = authenticator_.authenticate(evidence_);
  if (!principal_ || !now || now->actor != principal_->actor) {
    standing_ = Standing::unauthenticated;
  } else if (!engine::may(*now, permission_) || now->permissions != principal_->permissions ||
             now->reach.limits != principal_->reach.limits) {
    standing_ = Standing::changed;
  }
  return standing_;
}

}  // namespace revoked::net
