-- Asks revoked-gateway about the key of a request, for haproxy.cfg. Stores the result in variables of the transaction.
-- On any failure no status is set, which results in a 503.

local gateway = "http://127.0.0.1:7386/check"
local credentials = { "authorization", "x-api-key", "cookie", "sec-websocket-protocol" }
local preflight = { "origin", "access-control-request-method" }
local identity = { "key-id", "user-id", "application-id", "workspace-id", "key-permissions" }

-- HAProxy indexes header values from 0; its HTTP client expects an array.
local function values_of(header)
  local values = {}
  for i = 0, #header do
    values[#values + 1] = header[i]
  end
  return values
end

core.register_action("check_key", { "http-req" }, function(txn)
  local sent = txn.http:req_get_headers()
  local asked = {}
  for _, names in ipairs({ credentials, preflight }) do
    for _, name in ipairs(names) do
      if sent[name] then
        asked[name] = values_of(sent[name])
      end
    end
  end
  asked["x-forwarded-for"] = { txn.f:src() }
  -- The request of the client, for a gateway with --credential query:NAME or --method-header.
  asked["x-original-uri"] = { txn.f:pathq() }
  asked["x-forwarded-method"] = { txn.f:method() }

  txn:set_var("txn.revoked_reason", "unavailable")
  local answer = core.httpclient():get{ url = gateway, headers = asked, timeout = 2000 }
  local function said(name)
    local header = answer.headers and answer.headers[name]
    return header and header[0]
  end
  txn:set_var("txn.revoked_reason", said("x-revoked-reason") or "unavailable")
  for _, name in ipairs(identity) do
    txn:set_var("txn.revoked_" .. name:gsub("-", "_"), said("x-" .. name) or "")
  end
  txn:set_var("txn.revoked_status", answer.status)
end)
