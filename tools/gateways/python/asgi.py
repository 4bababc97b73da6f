"""ASGI middleware for FastAPI, Starlette and others: app.add_middleware(Revoked, follower=Follower(...)). Decides in the
process, and answers what revoked-gateway answers. A service finds whose the key is in the headers X-Key-Id, X-User-Id,
X-Application-Id, X-Workspace-Id and X-Key-Permissions; those of the client are removed."""
import asyncio, string
from urllib.parse import quote

STATUS = {"active": 200, "missing": 401, "unknown": 401, "stale": 503, "unavailable": 503}  # any other: 403
IDENTITY = {"x-key-id": "key_id", "x-user-id": "user", "x-application-id": "application",
            "x-workspace-id": "workspace", "x-key-permissions": "permissions"}
VISIBLE = string.punctuation.replace("%", "")


def secret_of(headers):
    sent = {name: value for name, value in reversed(headers)}  # the first of a name
    scheme, _, token = sent.get(b"authorization", b"").partition(b" ")
    bearer = token.strip() if scheme.lower() == b"bearer" else b""
    return (bearer or sent.get(b"x-api-key", b"")).decode("utf-8", "replace")


def identity_of(decision):
    def text(name, value):
        if name == "x-key-permissions": return quote(" ".join(value or ()), safe=VISIBLE + " ")
        return quote(value or "", safe=VISIBLE)
    return [(name.encode(), text(name, decision.get(member)).encode()) for name, member in IDENTITY.items()]


class Revoked:
    def __init__(self, app, follower, preflight="deny"):
        self.app, self.follower, self.preflight = app, follower, preflight

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket"): return await self.app(scope, receive, send)
        secret = secret_of(scope["headers"])
        decision = {"state": "missing"} if not secret else self.follower.cached(secret)
        if not decision: decision = await asyncio.to_thread(self.follower.check, secret)  # it asks the engine
        state = decision["state"]
        names = {name for name, _ in scope["headers"]}
        is_preflight = scope.get("method") == "OPTIONS" and {b"origin", b"access-control-request-method"} <= names
        if state == "active" or (state == "missing" and is_preflight and self.preflight == "allow"):
            # Many services treat an underscore in a header's name as a hyphen.
            others = [(name, value) for name, value in scope["headers"]
                      if name.decode("latin-1").replace("_", "-") not in IDENTITY]
            return await self.app({**scope, "headers": others + identity_of(decision)}, receive, send)
        await self.deny(scope, send, STATUS.get(state, 403), state)

    async def deny(self, scope, send, status, reason):
        headers = [(b"x-revoked-reason", reason.encode()), (b"content-length", b"0")]
        if status == 401: headers.append((b"www-authenticate", b'Bearer realm="revoked"'))
        if status == 503: headers.append((b"retry-after", b"1"))
        kind = "http.response"
        if scope["type"] == "websocket":
            # Without this extension a server answers the upgrade with 403.
            if "websocket.http.response" not in scope.get("extensions", {}):
                return await send({"type": "websocket.close", "code": 1008, "reason": reason})
            kind = "websocket.http.response"
        await send({"type": kind + ".start", "status": status, "headers": headers})
        await send({"type": kind + ".body", "body": b""})
