"""Calls of the published APIs."""
import os

from servers import UNKNOWN_ID, bearer, engine, expect, new_key, of

APPLICATION = "123e4567-e89b-12d3-a456-426614174000"


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
