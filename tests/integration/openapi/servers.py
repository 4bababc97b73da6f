"""The servers that are called, and how: see calls.py."""
import json
import os

from described import Described

UNKNOWN_ID = "0192f0c1-7d5e-7f00-8000-0000000000ff"


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
