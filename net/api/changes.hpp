#pragma once
// What callers may request with any change: `Idempotency-Key`, and `Prefer: respond-async`.

#include "net/api/api.hpp"
#include "net/api/reply_table.hpp"

namespace revoked::net {

using Handler = Outcome (*)(Api&, Call&);

// As handler(api, call), but a request with an Idempotency-Key takes effect once: repeated, it gets the first
// one's response. 409 while that is in progress, 422 if the key was used for another request.
Outcome handle_once(Api& api, Call& call, Handler handler, std::string_view route, ReplyTable& replies);

// As handler(api, call), but if the caller prefers, the response is a 202 that waits only until the change is
// published to the gateways. A response that takes longer than the change itself is sent as usual.
Outcome handle_change(Api& api, Call& call, Handler handler);

}  // namespace revoked::net
