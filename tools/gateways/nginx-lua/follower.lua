-- Follows an engine's stream of invalidations and caches its decisions (docs/protocol.md), for nginx with Lua. A gap is
-- read again from where it began. All else that does not continue what came before (a new epoch, another journal, an
-- unknown event, an unreadable message) empties the cache. It sends no reports: receipts do not count it.
--
-- The first worker follows, all decide. They share three dictionaries. `revoked_state`: `history` ("journal epoch floor":
-- decisions from before the floor do not count), `complete` (no event is missing), `lease_end`, and `wall` (the engine's
-- clock less ours). `revoked_marks`: the last event of each key and owner. `revoked_decisions`: the engine's answers.
local cjson = require("cjson.safe")
local ffi = require("ffi")

ffi.cdef [[
typedef struct { long seconds, nanoseconds; } revoked_time;
int clock_gettime(int clock, revoked_time *time);
unsigned char *SHA256(const unsigned char *text, size_t size, unsigned char *digest);
]]

local relate_every, max_skew = 30, 0.05 -- seconds
local known = { ["key.revoked"] = true, ["key.suspended"] = true, ["key.changed"] = true, ["owner.revoked"] = true,
  ["owner.locked"] = true, ["owner.unlocked"] = true }
local scopes = { "key_id", "user", "application", "workspace" }
local state, marks, decisions = ngx.shared.revoked_state, ngx.shared.revoked_marks, ngx.shared.revoked_decisions
local engine -- host, port, key, lease: set by start()
local own -- of the worker that follows: journal, epoch, sequence
local M = {}

local time = ffi.new("revoked_time")
local function now() -- CLOCK_BOOTTIME: cannot be set, and goes on during a suspension
  ffi.C.clock_gettime(7, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local function digest_of(secret)
  local digest = ffi.new("unsigned char[32]")
  ffi.C.SHA256(secret, #secret, digest)
  return (ffi.string(digest, 32):gsub(".", function(byte) return string.format("%02x", byte:byte()) end))
end

local function unix(text) -- RFC 3339 in UTC; the days since 1970 by the Gregorian calendar
  local y, m, d, hour, minute, second = text:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):([%d.]+)Z$")
  y, m = tonumber(y), tonumber(m)
  if m <= 2 then y, m = y - 1, m + 12 end
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400) +
    math.floor((153 * (m - 3) + 2) / 5) + d - 719469
  return days * 86400 + hour * 3600 + minute * 60 + second
end

-- The socket after the head of an answer, and the status. HTTP/1.0: the body is what follows, up to the end.
local function request(timeout_ms, lines, body)
  local socket = ngx.socket.tcp()
  socket:settimeout(timeout_ms)
  assert(socket:connect(engine.host, engine.port))
  lines = lines .. "\r\nHost: " .. engine.host .. "\r\nAuthorization: Bearer " .. engine.key .. "\r\n"
  assert(socket:send(lines .. "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body))
  local status = tonumber(assert(socket:receive("*l")):match("^HTTP/1%.%d (%d+)"))
  while assert(socket:receive("*l")) ~= "" do end
  return socket, status
end

-- Decisions.

local function covers(decision) -- every applied event that concerns it
  local journal, epoch, floor = (state:get("history") or ""):match("^(%S+) (%d+) (%d+)$")
  local answered, sequence = decision.as_of:match("^(%d+)-(%d+)$")
  if decision.journal ~= journal or answered ~= epoch then return false end
  local since = tonumber(floor)
  for _, scope in ipairs(scopes) do
    since = math.max(since, marks:get(scope .. " " .. tostring(decision[scope])) or 0)
  end
  return tonumber(sequence) >= since
end

local function at_this_time(decision) -- by the engine's clock
  local ends = decision.state == "active" and decision.expires_at
  if type(ends) == "string" and now() + state:get("wall") >= unix(ends) then return { state = "expired" } end
  return decision
end

local function cached(digest) -- nil: ask the engine
  if now() >= (state:get("lease_end") or 0) then return { state = "stale" } end
  local found = state:get("complete") and decisions:get(digest)
  local decision = found and cjson.decode(found)
  return decision and covers(decision) and at_this_time(decision) or nil
end

local function ask(secret, digest)
  local socket, status = request(2000, "POST /v1/keys/verify?echo=secret_sha256 HTTP/1.0", cjson.encode({ secret = secret }))
  local body = assert(socket:receive("*a"))
  socket:close()
  if status == 400 then return { state = "unknown" } end
  local answer = assert(cjson.decode(body))
  assert(answer.secret_sha256 == digest, "the answer to another question")
  if now() >= state:get("lease_end") or not covers(answer) then return nil end -- an event has overtaken it
  decisions:delete(digest) -- it may allow what this answer denies
  local is_lasting = answer.state == "active" or answer.state == "revoked"
  if is_lasting and state:get("complete") then decisions:set(digest, body) end
  return at_this_time(answer)
end

-- The engine's decision; its state may also be `stale` or `unavailable`.
function M.check(secret)
  local digest = digest_of(secret)
  for _ = 1, 5 do
    local decision = cached(digest)
    if decision then return decision end
    local is_answered, answer = pcall(ask, secret, digest)
    if not is_answered then break end
    if answer then return answer end
    ngx.sleep(0.02)
  end
  return { state = "unavailable" }
end

-- The stream.

local function begin(journal, epoch, sequence) -- with an empty cache; no answer from before counts
  own = { journal = journal, epoch = epoch, sequence = sequence }
  state:set("complete", false)
  state:set("history", string.format("%s %d %d", journal, epoch, sequence))
  marks:flush_all()
  decisions:flush_all()
end

local function apply(message) -- false: the stream is to be read again from where we are
  local journal, epoch, first, last = message.journal, message.epoch, message.first, message.last
  if epoch > own.epoch then return true, begin(journal, epoch, last) end
  if epoch ~= own.epoch or journal ~= own.journal then return false end
  for _, event in ipairs(message.events) do
    if not known[event.type] then return true, begin(journal, epoch, last) end
    -- Of an owner within others, all keys: those that it does not concern cost a question.
    local mark = event.key_id and "key_id " .. event.key_id or event.scope .. " " .. event.id
    -- Not set(), which forgets older marks when there is no space.
    local is_kept = marks:safe_set(mark, math.max(event.sequence, marks:get(mark) or 0))
    if not is_kept then return true, begin(journal, epoch, last) end
  end
  if first > own.sequence + 1 then
    state:set("complete", false)
    return false
  end
  own.sequence = math.max(own.sequence, last)
  return true
end

local function receive(message, stream) -- the same
  if not apply(message) then return false end
  if message.first ~= message.last + 1 or message.last ~= own.sequence then return true end
  -- A heartbeat was sent after we asked. If it comes after a pause of ours, it may be as old as that.
  local lease_end = state:get("lease_end") or 0
  if stream.boot and now() >= lease_end then return false end
  stream.boot = stream.boot or stream.asked - message.up / 1000 -- when the engine's `up` was 0, or before
  local sent = stream.boot + message.up / 1000
  if sent > now() + max_skew then return false end -- a clock was changed
  state:set("wall", unix(message.at) - sent)
  state:set("complete", true)
  state:set("lease_end", math.max(lease_end, sent + engine.lease))
  return true
end

local function read_stream()
  local stream = { asked = now() }
  local lines = "GET /v1/invalidations HTTP/1.0\r\nAccept: text/event-stream"
  if own.journal ~= "" then
    lines = lines .. string.format("\r\nLast-Event-ID: %d-%d-%s", own.epoch, own.sequence, own.journal)
  end
  local socket, status = request(2500, lines, "")
  if status == 410 then begin("", 0, 0) end
  assert(status == 200 or status == 410, status)
  while status == 200 and not ngx.worker.exiting() and now() < stream.asked + relate_every do
    local data = assert(socket:receive("*l")):match("^data:(.*)")
    if data then
      local is_read, goes_on = pcall(function() return receive(assert(cjson.decode(data)), stream) end)
      if not is_read then begin("", 0, 0) end -- unreadable: a second try would not help
      if not (is_read and goes_on) then break end
    end
  end
  socket:close()
end

local function follow(premature)
  if premature or ngx.worker.exiting() then return end
  local is_read, reason = pcall(read_stream)
  if not is_read then ngx.log(ngx.WARN, "the engine's stream was lost: ", reason) end
  ngx.timer.at(math.min(math.max(0.02, now() - (state:get("lease_end") or 0)), 1), follow)
end

-- In init_worker_by_lua. `options`: host (an address), port, key (with permission `gateway`), lease in seconds.
function M.start(options)
  engine = options
  if ngx.worker.id() ~= 0 then return end
  begin("", 0, 0)
  ngx.timer.at(0, follow)
end

-- Requests.

local statuses = { active = 200, missing = 401, unknown = 401, stale = 503, unavailable = 503 } -- any other: 403
local identity = { ["X-Key-Id"] = "key_id", ["X-User-Id"] = "user", ["X-Application-Id"] = "application",
  ["X-Workspace-Id"] = "workspace", ["X-Key-Permissions"] = "permissions" }

local function percent_encode(text, visible)
  return (text:gsub(visible, function(byte) return string.format("%%%02X", byte:byte()) end))
end

-- In access_by_lua: answers a request that is denied, and tells the service whose the key of any other is.
function M.guard(options)
  local bearer = (ngx.var.http_authorization or ""):match("^[Bb][Ee][Aa][Rr][Ee][Rr] +(%S.*)$")
  local secret = bearer or ngx.var.http_x_api_key or ""
  local decision = secret == "" and { state = "missing" } or M.check(secret)
  local is_preflight = ngx.req.get_method() == "OPTIONS" and ngx.var.http_origin and
    ngx.var.http_access_control_request_method
  local passes = decision.state == "missing" and is_preflight and options and options.preflight == "allow"
  local status = passes and 200 or statuses[decision.state] or 403
  if status == 200 then
    for name, member in pairs(identity) do -- nginx leaves out a header that is empty
      local value = decision[member] or ""
      local is_list = type(value) == "table"
      if is_list then value = table.concat(value, " ") end
      ngx.req.set_header(name, percent_encode(value, is_list and "[^ -$&-~]" or "[^!-$&-~]"))
    end
    return
  end
  ngx.header["X-Revoked-Reason"] = decision.state
  if status == 401 then ngx.header["WWW-Authenticate"] = 'Bearer realm="revoked"' end
  if status == 503 then ngx.header["Retry-After"] = "1" end
  return ngx.exit(status)
end

return M
