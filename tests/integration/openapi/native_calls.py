"""Calls of the native API that are carried out, and those that it refuses for their own reasons."""
import json
import os
import time

from servers import bearer, engine, expect, faults, full_engine, gateway, lines, new_key, of, stale_gateway


def create_and_show():
    whole = new_key(user="ann", application="shop", workspace="acme", name="laptop", permissions=["a:b", "keys:read"],
                    expires_at="2999-01-01T00:00:00Z", metadata={"team": "blue"}, key_id="my-own-id")
    new_key(secret="brought-along-1", user="Zoë", key_id="brought")
    expect(engine, 409, "createKey", "already_exists", body={"key_id": "my-own-id"})
    expect(engine, 202, "createKey", body={"user": "ann"}, headers={"Prefer": "respond-async"})
    once = {"Idempotency-Key": "4711"}
    first = expect(engine, 201, "createKey", body={"user": "bob"}, headers=once)
    again = expect(engine, 201, "createKey", body={"user": "bob"}, headers=once)
    if first.body != again.body or again.headers.get("idempotency-replayed") != "true":
        faults.append("the request was not replayed")
    expect(engine, 422, "createKey", "idempotency_key_reused", body={"user": "carol"}, headers=once)
    ending = new_key(permissions=["keys:create", "keys:write"], expires_at="2998-01-01T00:00:00Z")
    expect(engine, 403, "createKey", "outlives_caller", body={"expires_at": "2999-01-01T00:00:00Z"},
           credential=bearer(ending["secret"]))
    expect(engine, 200, "showKey", path=of(whole))
    page = expect(engine, 200, "listKeys", query={"limit": 1}).json
    expect(engine, 200, "listKeys", query={"limit": 100, "cursor": page["cursor"]})
    expect(engine, 200, "listKeys", query={"user": "ann", "state": "active", "used_before": "2020-01-01T00:00:00Z"})
    expect(engine, 400, "listKeys", "invalid_cursor", query={"cursor": "of-another"})
    expect(engine, 400, "listKeys", "invalid_parameter", query={"limit": "1001"})


def edit():
    key = new_key(user="ann")
    expect(engine, 200, "editKey", path=of(key), body={"name": "of the old one", "expires_at": None},
           headers={"Prefer": "wait=5"})
    expect(engine, 200, "editKey", path=of(key), body={"metadata": {"a": [1]}, "permissions": ["x"]})
    for change in ("suspendKey", "resumeKey"):
        expect(engine, 200, change, path=of(key), body={"reason": "to see"})
        expect(engine, 202, change, path=of(key), headers={"Prefer": "respond-async"})
        expect(engine, 200, change, path=of(key), headers={"Prefer": "wait=5"})
    expect(engine, 200, "rotateKey", path=of(key), body={"grace_seconds": 60})
    expect(engine, 202, "rotateKey", path=of(key), headers={"Prefer": "respond-async"})
    expect(engine, 200, "suspendKey", path=of(key))
    expect(engine, 409, "rotateKey", "not_active", path=of(key))
    limited = new_key(workspace="acme", permissions=["keys:write", "keys:revoke"])
    inside = new_key(workspace="acme", user="dan")
    expect(engine, 200, "suspendKey", path=of(inside))
    expect(engine, 403, "resumeKey", "suspended_by_wider", path=of(inside), credential=bearer(limited["secret"]))
    expect(engine, 200, "lockUser", path={"id": "dan"})
    expect(engine, 403, "unlockUser", "locked_by_wider", path={"id": "dan"}, credential=bearer(limited["secret"]))


def verify():
    key = new_key(user="eve")
    expect(engine, 200, "verifyKey", body={"secret": key["secret"]}, query={"echo": "secret_sha256"})
    expect(engine, 200, "verifyKey", body={"secret": "nobody-has-this-one"})
    expect(engine, 200, "lockUser", path={"id": "eve"})
    expect(engine, 200, "verifyKey", body={"secret": key["secret"]})
    expect(engine, 503, "verifyKey", "not_ready", body={"secret": key["secret"]}, query={"at_least": "99-1"})


def revoke():
    key, other, third = (new_key(user="frank", workspace="acme") for _ in range(3))
    expect(engine, 200, "revokeKey", path=of(key), query={"dry_run": "true"}, headers={"Prefer": "respond-async"})
    first = expect(engine, 200, "revokeKey", path=of(key), query={"reason": "leaked"}, headers={"Prefer": "wait=5"})
    expect(engine, 200, "revokeKey", path=of(key), query={"dry_run": "true"})
    expect(engine, 200, "revokeKey", path=of(key), body={"reason": "again"})
    expect(engine, 202, "revokeKey", path=of(other), headers={"Prefer": "respond-async"})
    expect(engine, 409, "editKey", "already_revoked", path=of(key), body={"name": "x"})
    expect(engine, 200, "verifyKey", body={"secret": key["secret"]})
    leaked = {"secrets": [third["secret"], "nobody-has-this-one"], "reason": "found"}
    expect(engine, 200, "revokeSecrets", body=leaked, query={"dry_run": "true"})
    expect(engine, 200, "revokeSecrets", body=leaked, headers={"Prefer": "wait=5"})
    expect(engine, 200, "revokeSecrets", body={"secret": key["secret"]})
    expect(engine, 202, "revokeSecrets", body={"secret": new_key()["secret"]}, headers={"Prefer": "respond-async"})
    for scope in ("User", "Application", "Workspace"):
        owner = {"id": f"an {scope}"}
        new_key(**{scope.lower(): owner["id"]})
        expect(engine, 200, f"revoke{scope}", path=owner, query={"dry_run": "true"})
        expect(engine, 200, f"revoke{scope}", path=owner, body={"reason": "left"}, headers={"Prefer": "wait=5"})
        expect(engine, 202, f"revoke{scope}", path=owner, headers={"Prefer": "respond-async"})
        expect(engine, 400, f"revoke{scope}", "invalid_owner_id", path={"id": ".."})
        expect(engine, 200, f"lock{scope}", path=owner, body={"expires_at": "2999-01-01T00:00:00Z"},
               headers={"Prefer": "wait=5"})
        expect(engine, 202, f"lock{scope}", path=owner, headers={"Prefer": "respond-async"})
        expect(engine, 200, f"unlock{scope}", path=owner, headers={"Prefer": "wait=5"})
        expect(engine, 202, f"unlock{scope}", path=owner, headers={"Prefer": "respond-async"})
        expect(engine, 400, f"lock{scope}", "invalid_owner_id", path={"id": ".."})
        expect(engine, 400, f"unlock{scope}", "invalid_owner_id", path={"id": ".."})
    return key, first.headers["revocation-position"]


def many_at_once():
    imported = lines({"user": "gus", "secret": "brought-along-2"}, {"secret": "brought-along-3", "key_id": "third"})
    expect(engine, 200, "importKeys", body=imported)
    expect(engine, 200, "importKeys", body=imported + "\n{}\n{\"key_id\":7}")
    expect(engine, 400, "importKeys", "malformed", body="user,secret\nann,x")
    targets = lines({"key_id": "third", "reason": "old"}, {"secret": "brought-along-2"}, {"user": "gus"}, {"user": 7})
    expect(engine, 200, "revokeMany", body=targets, query={"dry_run": "true"})
    expect(engine, 200, "revokeMany", body=targets, headers={"Prefer": "wait=5"})
    expect(engine, 400, "revokeMany", "malformed", body="key_id", query={"dry_run": "true"})


def begin_of_gone_gateway():
    """It is gone five seconds after its only report: see end_of_gone_gateway()."""
    # Counted by its lease, so that no wait for gateways waits for this one.
    report = {"gateway": "edge-gone", "epoch": 1, "sequence": 1, "when_stale": "deny", "lease_ms": 1}
    expect(engine, 204, "reportOfGateway", body=report)
    expect(engine, 409, "forgetGateway", "gateway_not_gone", path={"name": "edge-gone"})
    another = new_key(permissions=["gateway"])
    expect(engine, 409, "reportOfGateway", "name_taken", body=report, credential=bearer(another["secret"]))
    expect(engine, 400, "reportOfGateway", "malformed", body={"gateway": "edge-gone"})


def end_of_gone_gateway():
    deadline = time.monotonic() + 20
    while engine.call("forgetGateway", path={"name": "edge-gone"}).status == 409 and time.monotonic() < deadline:
        time.sleep(0.05)
    expect(engine, 404, "forgetGateway", "gateway_not_found", path={"name": "edge-gone"})


def gateways(revoked, position):
    now = "2026-01-02T03:04:05.678Z"
    used = {"gateway": "edge-x", "batch": "1", "uses": [{"at": now, "key_ids": ["brought", "absent"]}],
            "denied": [{"key_id": revoked["key_id"], "count": 2, "first_at": now, "last_at": now,
                        "address": "192.0.2.0/24"}], "dropped": 1}
    expect(engine, 200, "reportOfGateway", body=used)
    for key_id in (revoked["key_id"], "brought"):
        expect(engine, 200, "showKey", path={"key_id": key_id})
    expect(engine, 200, "listGateways")
    expect(engine, 200, "listEngines")
    expect(engine, 200, "showReceipt", path={"position": position})
    expect(engine, 200, "showReceipt", path={"position": position}, headers={"Prefer": "wait=5"})
    expect(engine, 404, "showReceipt", "position_not_found", path={"position": "99-1"})
    expect(engine, 400, "showReceipt", "invalid_position", path={"position": "yesterday"})
    expect(engine, 400, "showReceipt", "invalid_field", path={"position": position}, headers={"Prefer": "wait=soon"})


def feed():
    expect(engine, 200, "readInvalidations")
    page = expect(engine, 200, "readInvalidations", query={"after": "1-1", "limit": 10000}).json
    if not any(message["events"] for message in page["messages"]):
        faults.append("the page has no events")
    stream = {"Accept": "text/event-stream"}

    def first_event(response):
        head = response.fp.readline() and b""  # the size of the chunk
        for line in iter(response.fp.readline, b"\r\n"):
            head += line
            if line == b"\n":
                break
        return head

    text = expect(engine, 200, "readInvalidations", headers=stream, read=first_event).body.decode()
    message = json.loads(next(line[6:] for line in text.splitlines() if line.startswith("data: ")))
    engine.check_against({"$ref": "#/components/schemas/Message", "unevaluatedProperties": False, **engine.closed},
                         message, "a message of the stream")
    expect(engine, 410, "readInvalidations", "position_gone", query={"after": "1-1", "journal": "0" * 32})
    expect(engine, 400, "readInvalidations", "invalid_field", headers={**stream, "Last-Event-ID": "x"})
    limited = new_key(workspace="acme", permissions=["gateway"])
    expect(engine, 403, "readInvalidations", "forbidden", credential=bearer(limited["secret"]))


def operation():
    # Whole entries, of every kind of change above.
    after, verbs = "1-0", set()
    while True:
        page = expect(engine, 200, "showAudit", query={"after": after, "limit": 1000}).json
        verbs |= {entry["verb"] for entry in page["entries"]}
        after = page["position"]
        if not page["more"]:
            break
    if len(verbs) < 11:
        faults.append(f"the trail has only {verbs}")
    expect(engine, 410, "showAudit", "position_gone", query={"after": "99-1"})
    expect(engine, 200, "testWebhooks")
    if len(expect(engine, 200, "backUp").body) % 512 != 0:
        faults.append("the backup is no archive")
    expect(engine, 401, "copyCheckpoint", "unauthenticated")
    expect(engine, 401, "showMetrics", "unauthenticated", credential={})
    expect(engine, 403, "showMetrics", "forbidden", credential=bearer(os.environ["WEAK_TOKEN"]))
    expect(full_engine, 404, "showMetrics", "route_not_found")
    expect(stale_gateway, 404, "showMetrics", "route_not_found")
    for server in (engine, gateway):
        expect(server, 200, "showLiveness")
        expect(server, 200, "showReadiness")
        expect(server, 200, "showHealth")
        expect(server, 200, "showMetrics")
        tag = expect(server, 200, "showDocument").headers["etag"]
        expect(server, 304, "showDocument", headers={"If-None-Match": tag})
        expect(server, 304, "showDocument", headers={"If-None-Match": f'"other", W/{tag}'})
        expect(server, 200, "showDocument", headers={"If-None-Match": '"other"'})
