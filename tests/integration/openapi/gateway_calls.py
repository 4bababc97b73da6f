"""Calls of a gateway, and of one that reaches no engine."""
from servers import bearer, engine, expect, faults, gateway, new_key, of, stale_gateway


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
        code = "" if identifier == "checkHead" else "ambiguous_credential"
        expect(gateway, 400, identifier, code, credential={"Cookie": "key=secret-1; key=secret-2"})
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
