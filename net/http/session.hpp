#pragma once
// A session: reads requests from one connection and has the service answer them, in order, until either side
// closes. Requests that have arrived together are answered with one wait for the disk and one write.

#include "net/http/connection.hpp"

namespace revoked::net {

// Ends when the connection does. Never throws for what a peer does.
Task<> run_session(NetworkThread& thread, Socket socket);

}  // namespace revoked::net
