"""calls.py: calls every operation of the engine's and the gateway's document, and validates every answer.

The environment says where they are: ENGINE, whose metrics are authenticated, and GATEWAY; FULL_ENGINE, whose disk is
almost full, and STALE_GATEWAY, which reaches no engine, both without metrics. MASTER_KEY and FULL_MASTER_KEY are the
engines'; TOKEN and WEAK_TOKEN are of an identity provider."""
import json
import os
import sys
import time

from described import Described

UNKNOWN_ID = "0192f0c1-7d5e-7f00-8000-0000000000ff"
APPLICATION = "123e4567-e89b-12d3-a456-426614174000"


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


def lines(*objects):
    return "\n".join(json.dumps(each) for each in objects)


engine = Described(os.environ["ENGINE"], os.environ["MASTER_KEY"])
full_engine = Described(os.environ["FULL_ENGINE"], os.environ["FULL_MASTER_KEY"])
gateway = Described(os.environ["GATEWAY"])
stale_gateway = Described(os.environ["STALE_GATEWAY"])
servers = {"engine": engine, "full engine": full_engine, "gateway": gateway, "stale gateway": stale_gateway}
faults = []


def expect(server, status, identifier, code="", **request):
    """Calls it. It must answer with this status and, if it is an error of the native API, this code."""
    answer = server.call(identifier, **request)
    if answer.status != status or (code and answer.code != code):
        faults.append(f"{identifier} {request}: {answer.status} {answer.body[:300]}, expected {status} {code}")
    return answer


def new_key(**members):
    return expect(engine, 201, "createKey", body=members).json


def of(key):
    return {"key_id": key["key_id"]}


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


def dialects():
    master = {"x-flowplate-master-key": os.environ["MASTER_KEY"]}
    made = expect(engine, 201, "flowplateCreateKey", body={"user_id": "hal", "name": "n"}, credential=master).json
    expect(engine, 400, "flowplateCreateKey", body={"user_id": 7}, credential=master)
    expect(engine, 409, "flowplateCreateKey", body={"key_id": "my-own-id"}, credential=master)
    expect(engine, 200, "flowplateRevokeKey", path=of(made), credential=master)
    expect(engine, 404, "flowplateRevokeKey", path={"key_id": UNKNOWN_ID}, credential=master)
    expect(engine, 200, "flowplateRevokeUser", path={"user_id": "hal"}, credential=master, headers={"Prefer": "wait=5"})
    expect(engine, 400, "flowplateRevokeUser", path={"user_id": ".."}, credential=master)
    expect(engine, 400, "flowplateRevokeKey", path=of(made), credential=master, headers={"Prefer": "wait=soon"})

    key = new_key(application=APPLICATION)
    token = bearer(os.environ["TOKEN"])
    ids = {"id": APPLICATION, "keyId": key["key_id"]}
    expect(engine, 200, "applicationsRevokeKey", path=ids, credential=token)
    expect(engine, 404, "applicationsRevokeKey", path={**ids, "keyId": UNKNOWN_ID}, credential=token)
    expect(engine, 400, "applicationsRevokeKey", path={"id": "a", "keyId": "b"}, credential=token)
    expect(engine, 400, "applicationsRevokeKey", path=ids, credential=token, headers={"Prefer": "wait=soon"})

    own = bearer(new_key(workspace="acme", permissions=["keys:revoke"])["secret"])
    none = bearer(new_key(permissions=["keys:revoke"])["secret"])
    doomed = of(new_key(workspace="acme"))["key_id"]
    expect(engine, 200, "flowiseDeleteKey", path={"id": doomed}, credential=own)
    expect(engine, 404, "flowiseDeleteKey", path={"id": doomed}, credential=own)
    expect(engine, 412, "flowiseDeleteKey", path={"id": doomed}, credential=none)
    expect(engine, 400, "flowiseDeleteKey", path={"id": doomed}, credential=own, headers={"Prefer": "wait=soon"})

    user = new_key(user="ida", permissions=["keys:revoke"])["secret"]
    for kind, caller in (("User", bearer(user)), ("Organization", own)):
        operation = f"trieveDelete{kind}Key"
        doomed = {"api_key_id": new_key(user="ida", workspace="acme")["key_id"]}
        expect(engine, 204, operation, path=doomed, credential=caller)
        expect(engine, 400, operation, path={"api_key_id": "x"}, credential=caller)
        expect(engine, 403, operation, path=doomed, credential=none)
    bare = {"Authorization": user}
    expect(engine, 204, "trieveDeleteUserKey", path={"api_key_id": UNKNOWN_ID}, credential=bare)


def check():
    key = new_key(user="joe", permissions=["a"])
    gone = new_key(user="joe")
    expect(engine, 200, "revokeKey", path=of(gone), headers={"Prefer": "wait=5"})
    checks = [identifier for identifier in gateway.operations if identifier.startswith("check")]
    if len(checks) != 7:
        faults.append(f"/check takes seven methods, not {checks}")
    for identifier in checks:
        expect(gateway, 200, identifier, credential=bearer(key["secret"]))
        expect(gateway, 200, identifier, credential={"X-API-Key": key["secret"]})
        expect(gateway, 401, identifier)
        expect(gateway, 401, identifier, credential=bearer("nobody-has-this-one"))
        expect(gateway, 403, identifier, credential=bearer(gone["secret"]))
        expect(stale_gateway, 503, identifier, credential=bearer(key["secret"]))
    expect(gateway, 401, "watch")
    expect(gateway, 403, "watch", credential=bearer(gone["secret"]))
    expect(stale_gateway, 503, "watch", credential=bearer(key["secret"]))
    expect(gateway, 400, "watch", "invalid_field", credential=bearer(key["secret"]), headers={"Prefer": "wait=soon"})
    expect(gateway, 200, "watch", credential=bearer(key["secret"]), headers={"Prefer": "wait=0"})

    def until_denied(response):
        expect(engine, 200, "revokeKey", path=of(key))
        return response.read()

    stream = expect(gateway, 200, "watch", credential=bearer(key["secret"]), read=until_denied)
    if b"event: denied\ndata: revoked\n" not in stream.body:
        faults.append(f"the watch ended with {stream.body}")
    expect(stale_gateway, 503, "showReadiness")
    expect(stale_gateway, 503, "showHealth")


def sample_path(path):
    samples = {"id": "nobody", "key_id": UNKNOWN_ID, "position": "1-1", "keyId": UNKNOWN_ID}
    return {name: samples.get(name, UNKNOWN_ID) for name in
            [part[1:-1] for part in path.split("/") if part.startswith("{")]}


def what_nobody_may():
    """Every operation without a credential, with one that may not, with a parameter, a member and a type unknown."""
    may_nothing = bearer(new_key(user="nobody")["secret"])
    for identifier, (_, path, operation) in engine.operations.items():
        is_native = not path.startswith("/api/") and "/flowplate/" not in path
        request = {"path": sample_path(path)}
        if is_native:
            expect(engine, 400, identifier, "invalid_parameter", query={"no_such": "1"}, **request)
        if operation.get("x-permission"):
            nothing = bearer(os.environ["WEAK_TOKEN"]) if identifier.startswith("applications") else may_nothing
            if identifier.startswith("flowplate"):
                nothing = {"X-API-Key": may_nothing["Authorization"].split()[1]}
            expect(engine, 401, identifier, credential={}, **request)
            expect(engine, 401, identifier, credential={"X-API-Key": "wrong-key", **bearer("wrong-key")}, **request)
            expect(engine, 403, identifier, credential=nothing, **request)
        if is_native and "{key_id}" in path:
            body = {"name": "x"} if identifier == "editKey" else None
            expect(engine, 404, identifier, "key_not_found", body=body, **request)
        if "requestBody" not in operation or not is_native:
            continue
        expect(engine, 415, identifier, "unsupported_media_type", body="x", headers={"Content-Type": "text/csv"},
               **request)
        expect(engine, 415, identifier, "unsupported_media_type", body="x", headers={"Content-Encoding": "gzip"},
               **request)
        expect(engine, 400, identifier, "malformed", body="{", **request)
        members_that_are_taken(identifier, operation, request)
        if any("Idempotency-Key" in parameter.get("$ref", "") for parameter in operation.get("parameters", [])):
            once = {"Idempotency-Key": f"of {identifier}"}
            engine.call(identifier, body={}, headers=once, **request)
            content = operation["requestBody"]["content"]["application/json"]
            expect(engine, 422, identifier, "idempotency_key_reused", body=content["example"], headers=once, **request)


def members_that_are_taken(identifier, operation, request):
    """The engine names the members that it takes: they are those of the schema."""
    answer = engine.call(identifier, body='{"no_such":1}', **request)
    fault = answer.json["failed"][0] if "failed" in answer.json else answer.json
    if fault["code"] == "malformed":
        return  # a report: unknown members are ignored
    schema = engine.resolved(next(iter(operation["requestBody"]["content"].values()))["schema"])
    taken = set(fault["detail"].split("allowed are ")[1].split(", "))
    if taken != set(schema["properties"]):
        faults.append(f"{identifier} takes {taken}, and the schema has {set(schema['properties'])}")


def without_space():
    """Of the operations that add data, each is refused; revocations still work."""
    credential = {"X-API-Key": os.environ["FULL_MASTER_KEY"]}
    for identifier, (_, path, operation) in full_engine.operations.items():
        if "507" in operation["responses"]:
            expect(full_engine, 507, identifier, path=sample_path(path), credential=credential)
    expect(full_engine, 200, "revokeUser", path={"id": "ann"})


def never_seen():
    """What the documents list and no call has shown."""
    seen = {}
    for server in servers.values():
        for identifier, (_, _, operation) in server.operations.items():
            kind = (server.document["info"]["title"], identifier)
            seen.setdefault(kind, set(operation["responses"]) - {"default"})
            seen[kind] -= {str(status) for called, status in server.seen if called == identifier}
    return seen


begin_of_gone_gateway()
create_and_show()
edit()
verify()
revoked_key, revoked_at = revoke()
many_at_once()
gateways(revoked_key, revoked_at)
feed()
dialects()
check()
what_nobody_may()
without_space()
operation()
end_of_gone_gateway()

for name, server in servers.items():
    faults += [f"{name}: {fault}" for fault in server.faults]
# What takes a fault, or a wait, to see: statuses of the disk and of queues, and those of several at once.
RARE = {"503", "507", "409", "410", "500", "429", "404"}
for (title, identifier), statuses in never_seen().items():
    if any(status.startswith("2") for status in statuses) or statuses - RARE:
        faults.append(f"{title}: {identifier}: never seen: {sorted(statuses)}")
calls = sum(len(server.seen) for server in servers.values())
operations = len(engine.operations) + len(gateway.operations)
print(f"{operations} operations, {calls} different answers")
for fault in dict.fromkeys(faults):
    print(fault, file=sys.stderr)
sys.exit(1 if faults else 0)
