#pragma once
// What callers may ask of any change besides the change itself: `Idempotency-Key`, and `Prefer:
// respond-async`.

#include "net/api/api.hpp"
#include "net/api/reply_table.hpp"

namespace revoked::net {

using Handler = Outcome (*)(Api&, Call&);

// As handler(api, call), but a request that carries an Idempotency-Key takes effect once: repeated, it has
// the first one's answer. 409 while that is not there yet, 422 if the key came with another request.
Outcome handle_once(Api& api, Call& call, Handler handler, std::string_view route, ReplyTable& replies);

// As handler(api, call), but if the caller prefers so, the answer is a 202 that waits only until the gateways
// are told. An answer that takes longer than the change itself is given as usual.
Outcome handle_change(Api& api, Call& call, Handler handler);

}  // namespace revoked::net
