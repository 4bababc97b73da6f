"""What every operation refuses."""
import os

from servers import UNKNOWN_ID, bearer, engine, expect, faults, full_engine, new_key


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
