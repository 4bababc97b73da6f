-- Checks the keys of a file, one a line, and watches the first that is allowed until it is denied.
-- ENGINE_KEY_FILE=gateway.key luajit check.lua keys.txt
local ffi = require("ffi")

ffi.cdef([[
typedef struct revoked_gateway revoked_gateway;
typedef struct {
  size_t size; int32_t result, is_stale; const char *reason; int64_t expires_at; uint64_t epoch, sequence;
  const char *key_id, *user, *application, *workspace, *permissions; int32_t permissions_are_cut, reserved;
  char text[4096];
} revoked_decision;
typedef struct {
  size_t size; const char *version; int32_t coverage, has_failed, redis_connected, feed_connected;
  uint64_t epoch, sequence; int64_t since_proof;
  uint64_t cached, watches, hits, misses, questions, failed_questions, invalidations; char last_error[256];
} revoked_gateway_status;
revoked_gateway *revoked_open(const char *const options[], void *log, void *context, char *error, size_t error_size);
int revoked_check(revoked_gateway *, const char *secret, size_t size, const char *client, int timeout, revoked_decision *);
int revoked_watch(revoked_gateway *, const char *secret, size_t size, const char *client, int timeout, revoked_decision *);
int revoked_status(revoked_gateway *, revoked_gateway_status *);
void revoked_close(revoked_gateway *);
ssize_t read(int descriptor, void *bytes, size_t size);
int close(int descriptor);
]])

local library = ffi.load(os.getenv("REVOKED_LIBRARY") or "librevoked-gateway.so.0")

local options = { "--engine", os.getenv("ENGINE") or "http://127.0.0.1:7385", "--redis", os.getenv("REDIS") or "",
  "--engine-key-file", os.getenv("ENGINE_KEY_FILE") or "/etc/revoked/gateway.key" }
local pairs_of_options = ffi.new("const char *[?]", #options + 1) -- the last stays null
for i, text in ipairs(options) do
  pairs_of_options[i - 1] = text
end
local message = ffi.new("char[256]")
-- The log callback stays null: LuaJIT cannot be called on a thread that it does not know.
local gateway = library.revoked_open(pairs_of_options, nil, nil, message, 256)
if gateway == nil then
  error(ffi.string(message))
end

local decision = ffi.new("revoked_decision", { size = ffi.sizeof("revoked_decision") })
local function check(secret) -- timeout 0 in nginx: the answer "undecided" means to ask elsewhere
  return library.revoked_check(gateway, secret, #secret, nil, -1, decision) == 1
end

local watched
for secret in io.lines(arg[1]) do
  if check(secret) then
    watched = watched or secret
    print("allowed: " .. ffi.string(decision.key_id) .. " of user '" .. ffi.string(decision.user) .. "'")
  else
    print(ffi.string(decision.reason))
  end
end

local descriptor = watched and library.revoked_watch(gateway, watched, #watched, nil, -1, decision) or -1
if descriptor >= 0 then
  print("watching")
  io.flush()
  local reason = ffi.new("char[32]")
  local size = ffi.C.read(descriptor, reason, 32)
  print("denied: " .. ffi.string(reason, math.max(0, tonumber(size))))
  ffi.C.close(descriptor)
  check(watched)
  print("now: " .. ffi.string(decision.reason))
end

local status = ffi.new("revoked_gateway_status", { size = ffi.sizeof("revoked_gateway_status") })
library.revoked_status(gateway, status)
print(("status: %s, %d in memory"):format(status.coverage == 2 and "current" or "not current", tonumber(status.cached)))
library.revoked_close(gateway)
