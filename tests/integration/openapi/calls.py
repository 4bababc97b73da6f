"""calls.py: calls every operation of the engine's and the gateway's document, and validates every answer.

The environment says where they are: ENGINE, whose metrics are authenticated, and GATEWAY; FULL_ENGINE, whose disk is
almost full, and STALE_GATEWAY, which reaches no engine, both without metrics. MASTER_KEY and FULL_MASTER_KEY are the
engines'; TOKEN and WEAK_TOKEN are of an identity provider."""
import sys

import native_calls as native
from dialect_calls import dialects
from gateway_calls import check
from refusals import what_nobody_may, without_space
from servers import engine, faults, gateway, servers


def never_seen():
    """What the documents list and no call has shown."""
    seen = {}
    for server in servers.values():
        for identifier, (_, _, operation) in server.operations.items():
            kind = (server.document["info"]["title"], identifier)
            seen.setdefault(kind, set(operation["responses"]) - {"default"})
            seen[kind] -= {str(status) for called, status in server.seen if called == identifier}
    return seen


native.begin_of_gone_gateway()
native.create_and_show()
native.edit()
native.verify()
revoked_key, revoked_at = native.revoke()
native.many_at_once()
native.gateways(revoked_key, revoked_at)
native.feed()
dialects()
check()
what_nobody_may()
without_space()
native.operation()
native.end_of_gone_gateway()

for name, server in servers.items():
    faults += [f"{name}: {fault}" for fault in server.faults]
# What takes a fault, or a wait, to see: statuses of the disk and of queues, and those of several at once.
RARE = {"502", "503", "507", "409", "410", "500", "429", "404"}
# Answered to an engine that shares the journal, of which there is none here: tests/cluster/bootstrap_systest.cpp.
OF_PEERS = {"copyCheckpoint": {"200"}}
for (title, identifier), statuses in never_seen().items():
    statuses -= OF_PEERS.get(identifier, set())
    if any(status.startswith("2") for status in statuses) or statuses - RARE:
        faults.append(f"{title}: {identifier}: never seen: {sorted(statuses)}")
calls = sum(len(server.seen) for server in servers.values())
operations = len(engine.operations) + len(gateway.operations)
print(f"{operations} operations, {calls} different answers")
for fault in dict.fromkeys(faults):
    print(fault, file=sys.stderr)
sys.exit(1 if faults else 0)
