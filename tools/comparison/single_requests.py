"""One request a revocation, one request a decision: revoked beside servers that do less, or the same more slowly."""
import json
import time
import urllib.request

from comparison import load
from comparison.figures import figure, result
from comparison.workplace import Workplace

# More than anything here could ask in a second, so that keys do not run out before the time.
MOST_PER_SECOND, MOST_PIPELINED_PER_SECOND = 160_000, 400_000
WARM_UP = 5_000
DECIDED_KEYS = 200_000


def engine_with_keys(place, count):
    redis = place.redis()
    engine = place.engine(redis)
    load.import_keys(engine, 0, count)
    time.sleep(1)  # what the import left to do in the background
    return engine, redis


class Numbers:
    """Each key is revoked once."""

    def __init__(self, count):
        self.next, self.count = 0, count

    def take(self, call, at_most=None):
        left = self.count - self.next
        answer = call(self.next, min(left, at_most or left))
        self.next += answer["sent"]
        return answer


def delete_rounds(settings, revoked, beside, most_per_second, make_peer_keys=None):
    """Alternates; answers the two lists of rounds."""
    count = int(settings.rounds * settings.seconds * most_per_second) + WARM_UP
    rounds = {"revoked": [], "beside": []}
    with Workplace() as place:
        peer = beside(place)
        engine, _ = engine_with_keys(place, count)
        if make_peer_keys:
            make_peer_keys(count)
        sides = {"revoked": (lambda *range_: revoked(engine, *range_), Numbers(count)),
                 "beside": (lambda *range_: peer(engine, *range_), Numbers(count))}
        for call, numbers in sides.values():
            numbers.take(call, WARM_UP)
        for number in range(settings.rounds):
            settings.tell_round(number)
            for side, (call, numbers) in sides.items():
                rounds[side].append(numbers.take(call))
    return rounds


def compared(rounds, peer, per_second_goal, cpu_goal=None, what=""):
    def column(side, field):
        return [entry[field] for entry in rounds[side]]

    return [
        figure(what, "requests/s", column("revoked", "per_second"), column("beside", "per_second"), peer,
               [("ratio", "≥", per_second_goal)], headline=True),
        figure(what, "µs of CPU a request", column("revoked", "cpu_us"), column("beside", "cpu_us"), peer,
               [("ratio", "≤", cpu_goal)] if cpu_goal else []),
    ]


def delete(settings, depth=1):
    def call(engine, first, count):
        return load.http(engine, *load.authorization(engine.master_key), seconds=settings.seconds, method="DELETE",
                         path="/v1/keys/{uuid}", first=first, count=count, depth=depth)
    return call


def nginx_deletes(settings, depth=1):
    def make(place):
        nginx = place.nginx("return 204;")

        def call(engine, first, count):
            return load.http(nginx, *load.authorization(engine.master_key), seconds=settings.seconds, method="DELETE",
                             path="/v1/keys/{uuid}", first=first, count=count, depth=depth)
        return call
    return make


def measure_delete(settings):
    rounds = delete_rounds(settings, delete(settings), nginx_deletes(settings), MOST_PER_SECOND)
    return result("Revoke one key: synced, published, acknowledged",
                  compared(rounds, "nginx, `return 204`", 1.0, 1.2, "`DELETE` of one key"))


def measure_pipelined(settings):
    rounds = delete_rounds(settings, delete(settings, 16), nginx_deletes(settings, 16), MOST_PIPELINED_PER_SECOND)
    return result("Revoke one key, 16 requests pipelined",
                  compared(rounds, "nginx, `return 204`, pipelined", 3.0, what="`DELETE` of one key, 16 pipelined"))


def measure_webdis(settings):
    redis = None

    def make(place):
        nonlocal redis
        redis = place.redis(append_only=True)
        webdis = place.webdis(redis)
        return lambda _, first, count: load.http(webdis, seconds=settings.seconds, path="/DEL/{uuid}", first=first, count=count)

    def make_keys(count):
        load.feed_redis(redis, load.redis_command("SET", load.UUID, "x"), 0, count)

    rounds = delete_rounds(settings, delete(settings), make, MOST_PER_SECOND, make_keys)
    return result("Revoke one key, beside webdis", compared(rounds, "webdis, `DEL`", 3.0, what="`DELETE` of one key"))


def measure_node(settings):
    redis = None

    def make(place):
        nonlocal redis
        redis = place.redis(append_only=True)
        node = place.node(redis, "comparison")
        return lambda _, first, count: load.http(node, *load.authorization("comparison"), seconds=settings.seconds,
                                                 method="DELETE", path="/v1/keys/{uuid}", first=first, count=count)

    def make_keys(count):
        load.feed_redis(redis, load.redis_command("SET", load.UUID, "x"), 0, count)

    rounds = delete_rounds(settings, delete(settings), make, MOST_PER_SECOND, make_keys)
    return result("Revoke one key, beside Node", compared(rounds, "fastify and ioredis, `DEL` and `PUBLISH`", 5.0,
                                                         what="`DELETE` of one key"))


def decision_rounds(settings, server, nginx, arguments, count):
    rounds = {"revoked": [], "beside": []}
    for number in range(settings.rounds):
        settings.tell_round(number)
        for side, at in (("revoked", server), ("beside", nginx)):
            rounds[side].append(load.http(at, *arguments, seconds=settings.seconds, count=count))
    return rounds


def measure_verify(settings):
    count = settings.scaled(int(MOST_PER_SECOND * settings.seconds))
    with Workplace() as place:
        engine, _ = engine_with_keys(place, count)
        body = '{"secret":"{secret}"}'
        arguments = [*load.authorization(engine.master_key), "--method", "POST", "--path", "/v1/keys/verify", "--body", body]
        secret = "cmp_" + "0" * 46
        answer = urllib.request.urlopen(urllib.request.Request(
            engine.url + "/v1/keys/verify", json.dumps({"secret": secret}).encode(),
            {"Authorization": f"Bearer {engine.master_key}"})).read().decode()
        nginx = place.nginx(f"return 200 '{answer}';")
        rounds = decision_rounds(settings, engine, nginx, arguments, count)
    return result("Verify a secret at the engine",
                  compared(rounds, "nginx, `return 200` with the same body", 1.0, what="`POST /v1/keys/verify`"))


def measure_check(settings):
    with Workplace() as place:
        redis = place.redis()
        engine = place.engine(redis, cpu="1")  # it has nothing to do once the near cache is filled
        load.import_keys(engine, 0, DECIDED_KEYS)
        gateway = place.gateway(engine, redis, cpu="0")
        arguments = ["--path", "/check", "--header", "Authorization: Bearer {secret}"]
        load.http(gateway, *arguments, seconds=0, count=DECIDED_KEYS)
        nginx = place.nginx("return 200 '{\"active\":true}';")
        rounds = decision_rounds(settings, gateway, nginx, arguments, DECIDED_KEYS)
    return result("Check a key at the gateway",
                  compared(rounds, "nginx, `return 200` with a small body", 1.0, what="`GET /check` at the gateway"))
