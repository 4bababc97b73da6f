// The files of the console: open to all, since what they show is asked for with the reader's own key.

#include "net/api/api.hpp"
#include "net/console/console.hpp"

namespace revoked::net {

Outcome show_console(Api&, Call& call) {
  if (send_console_file(call.parameters[0], call.request(), call.response())) return {};
  return refuse(call, 404, "route_not_found", "the console has no such file");
}

}  // namespace revoked::net
