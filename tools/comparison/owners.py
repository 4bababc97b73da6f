"""Revoking all keys of a user compared to revoking one, and the effect on other requests."""
import json
import time

from comparison import load
from comparison.figures import figure, median, result
from comparison.processes import Failed
from comparison.workplace import Workplace

OTHERS = 100_000
OTHERS_RATE = 5_000
WINDOW_S = 0.5  # short, so that a pause is visible in the 99th percentile
OWNED_LINE = '{"key_id":"{uuid}","secret_sha256":"{digest}","user":"%s","workspace":"w1"}\n'


def revoke(engine, path, first=0):
    done = load.run("http", "--url", engine.url, "--method", "DELETE", "--path", path, *load.authorization(engine.master_key),
                    "--connections", 1, "--count", 1, "--first", first)
    return done["latency"]["largest_us"] / 1000


def others_meanwhile(engine, action):
    """The p99 of concurrent verifications, in ms, while `action` runs."""
    others = load.start("http", "--url", engine.url, "--method", "POST", "--path", "/v1/keys/verify",
                        *load.authorization(engine.master_key), "--body", '{"secret":"{secret}"}', "--rate", OTHERS_RATE,
                        "--seconds", WINDOW_S, "--connections", 16)
    time.sleep(WINDOW_S / 2)
    action()
    output, _ = others.communicate(timeout=60)
    if others.returncode != 0:
        raise Failed(f"the concurrent verifications failed: {output}")
    return json.loads(output)["latency"]["p99_us"] / 1000


def measure_owner(settings):
    owned = settings.scaled(1_000_000)
    of_user, of_key, meanwhile, before = [], [], [], []
    with Workplace() as place:
        engine = place.engine(place.redis())
        load.import_keys(engine, 0, OTHERS)
        for number in range(settings.rounds):
            load.import_keys(engine, OTHERS + number * owned, owned, OWNED_LINE % f"big{number}")
        engine.wait_until_idle()
        for number in range(settings.rounds):
            settings.tell_round(number)
            of_key.append(median([revoke(engine, "/v1/keys/{uuid}", number * 10 + i) for i in range(10)]))
            before.append(others_meanwhile(engine, lambda: revoke(engine, "/v1/keys/{uuid}", 1_000 + number)))
            meanwhile.append(others_meanwhile(engine, lambda: of_user.append(revoke(engine, f"/v1/users/big{number}/keys"))))
    return result(
        "Revoke all keys of a user",
        [figure(f"revoke a user with {owned:,} keys, acknowledged", "ms", of_user, of_key, "revoke one key",
                [("value", "≤", 5.0)], headline=True),
         figure(f"others' p99 meanwhile ({OTHERS_RATE:,} verifications a second)", "ms", meanwhile, before,
                "while one key is revoked", [("ratio", "≤", 2.0)])])
