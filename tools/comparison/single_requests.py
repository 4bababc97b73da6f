"""One request per revocation or decision: revoked compared to servers that do less, or the same more slowly."""
import json

from comparison import load
from comparison.figures import figure, result
from comparison.processes import Failed
from comparison.workplace import Workplace

WARM_UP = 20_000  # requests; also used to size the rounds
MARGIN = 1.5
DECIDED_KEYS = 200_000


class Side:
    """One of two alternating servers; each of its keys is revoked once."""

    def __init__(self, ask, make_keys, settings):
        self.ask, self.make_keys = ask, make_keys  # (first, count, seconds), (first, count)
        self.next, self.count, self.rounds = 0, WARM_UP, []
        make_keys(0, WARM_UP)
        warm = self._take(0)
        wanted = int(warm["per_second"] * settings.seconds * settings.rounds * MARGIN)
        settings.tell(f"creating {wanted:,} keys")
        make_keys(self.count, wanted)
        self.count += wanted

    def _take(self, seconds):
        answer = self.ask(self.next, self.count - self.next, seconds)
        self.next += answer["sent"]
        return answer

    def take(self, settings):
        if self.next == self.count:
            raise Failed("there are no keys left for this round")
        self.rounds.append(self._take(settings.seconds))


def take_turns(settings, revoked, beside):
    """Both are functions of the workplace that return (ask, make_keys)."""
    with Workplace() as place:
        sides = [Side(*make(place), settings) for make in (revoked, beside)]
        for number in range(settings.rounds):
            settings.tell_round(number)
            for side in sides:
                side.take(settings)
    return {"revoked": sides[0].rounds, "beside": sides[1].rounds}


def delete_at(server, credential, depth):
    def ask(first, count, seconds):
        return load.http(server, *load.authorization(credential), seconds=seconds, method="DELETE", path="/v1/keys/{uuid}",
                         first=first, count=count, depth=depth)
    return ask


def revoked_deletes(depth=1):
    def make(place):
        engine = place.engine(place.redis())

        def make_keys(first, count):
            load.import_keys(engine, first, count)
            engine.wait_until_idle()
        return delete_at(engine, engine.master_key, depth), make_keys
    return make


def nginx_deletes(depth=1):
    def make(place):
        return delete_at(place.nginx("return 204;"), "x" * 55, depth), lambda *_: None  # a credential as long as ours
    return make


def redis_keys(redis):
    return lambda first, count: load.feed_redis(redis, load.redis_command("SET", load.UUID, "x"), first, count)


def webdis_deletes(place):
    redis = place.redis(append_only=True)
    webdis = place.webdis(redis)

    def ask(first, count, seconds):
        return load.http(webdis, seconds=seconds, path="/DEL/{uuid}", first=first, count=count)
    return ask, redis_keys(redis)


def node_deletes(place):
    redis = place.redis(append_only=True)
    return delete_at(place.node(redis, "comparison"), "comparison", 1), redis_keys(redis)


def compared(rounds, peer, per_second_goal, cpu_goal=None, what=""):
    def column(side, field):
        return [entry[field] for entry in rounds[side]]

    return [
        figure(what, "requests/s", column("revoked", "per_second"), column("beside", "per_second"), peer,
               [("ratio", "≥", per_second_goal)], headline=True),
        figure(what, "µs of CPU a request", column("revoked", "cpu_us"), column("beside", "cpu_us"), peer,
               [("ratio", "≤", cpu_goal)] if cpu_goal else []),
        figure("the same, with background work afterwards", "µs of CPU a request", column("revoked", "cpu_us_with_background"),
               column("beside", "cpu_us_with_background"), peer),
    ]


def measure_delete(settings):
    rounds = take_turns(settings, revoked_deletes(), nginx_deletes())
    return result("Revoke one key: synced, published, acknowledged",
                  compared(rounds, "nginx, `return 204`", 1.0, 1.2, "`DELETE` of one key"))


def measure_pipelined(settings):
    rounds = take_turns(settings, revoked_deletes(16), nginx_deletes(16))
    return result("Revoke one key, 16 requests pipelined",
                  compared(rounds, "nginx, `return 204`, pipelined", 3.0, what="`DELETE` of one key, 16 pipelined"))


def measure_webdis(settings):
    rounds = take_turns(settings, revoked_deletes(), webdis_deletes)
    return result("Revoke one key, beside webdis", compared(rounds, "webdis, `DEL`", 3.0, what="`DELETE` of one key"))


def measure_node(settings):
    rounds = take_turns(settings, revoked_deletes(), node_deletes)
    return result("Revoke one key, beside Node", compared(rounds, "fastify and ioredis, `DEL` and `PUBLISH`", 5.0,
                                                         what="`DELETE` of one key"))


def decision_rounds(settings, server, nginx, arguments):
    rounds = {"revoked": [], "beside": []}
    for number in range(settings.rounds):
        settings.tell_round(number)
        for side, at in (("revoked", server), ("beside", nginx)):
            rounds[side].append(load.http(at, *arguments, seconds=settings.seconds, cycle=DECIDED_KEYS))
    return rounds


def measure_verify(settings):
    with Workplace() as place:
        engine = place.engine(place.redis())
        load.import_keys(engine, 0, DECIDED_KEYS)
        engine.wait_until_idle()
        body = '{"secret":"{secret}"}'
        arguments = [*load.authorization(engine.master_key), "--method", "POST", "--path", "/v1/keys/verify", "--body", body]
        secret = "cmp_" + "0" * 46
        answer = json.dumps(load.ask(engine, "POST", "/v1/keys/verify", {"secret": secret}), separators=(",", ":"))
        nginx = place.nginx(f"return 200 '{answer}';")
        rounds = decision_rounds(settings, engine, nginx, arguments)
    return result("Verify a secret at the engine",
                  compared(rounds, "nginx, `return 200` with the same body", 1.0, what="`POST /v1/keys/verify`"))


def measure_check(settings):
    rounds = check_rounds(settings)
    return result("Check a key at the gateway",
                  compared(rounds, "nginx, `return 200` with a small body", 1.0, what="`GET /check` at the gateway"))


def measure_check_tls(settings):
    rounds = check_rounds(settings, is_encrypted=True)
    return result("Check a key at the gateway over TLS 1.3, on kept connections",
                  compared(rounds, "nginx with TLS, `return 200` with a small body", 1.0, what="`GET /check` over TLS"))


def check_rounds(settings, is_encrypted=False):
    with Workplace() as place:
        certificate = place.certificate() if is_encrypted else None
        redis = place.redis()
        engine = place.engine(redis, cpu="1")  # idle once the near cache is filled
        load.import_keys(engine, 0, DECIDED_KEYS)
        gateway = place.gateway(engine, redis, cpu="0", certificate=certificate)
        arguments = ["--path", "/check", "--header", "Authorization: Bearer {secret}"]
        load.http(gateway, *arguments, seconds=0, count=DECIDED_KEYS)
        nginx = place.nginx("return 200 '{\"active\":true}';", certificate=certificate)
        return decision_rounds(settings, gateway, nginx, arguments)
