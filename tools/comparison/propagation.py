"""From sending a DELETE to the gateway's first denial, beside what Redis alone needs to carry a message."""

from comparison import load
from comparison.figures import figure, result
from comparison.processes import LOAD_CPU, SERVER_CPU
from comparison.workplace import Workplace

RATE = 1_000
WATCHED_PER_SECOND = 200  # asking for a key is load on the gateway as well
FIRST_GUESS = 30_000  # revocations a second
SIZE = 200  # bytes, about that of a message with one event


class Keys:
    """Hands out keys, each to be revoked once."""

    def __init__(self, engine):
        self.engine, self.next = engine, 0

    def take(self, count):
        first = self.next
        self.next += count
        load.import_keys(self.engine, first, count)
        self.engine.wait_until_idle()
        return first


def watch(engine, gateway, keys, rate, seconds):
    every = max(1, rate // WATCHED_PER_SECOND)
    count = int(rate * seconds)
    first = keys.take(count)
    check = "Authorization: Bearer {secret}"
    # The gateway has all of them in its near cache.
    load.http(gateway, "--path", "/check", "--header", check, seconds=0, first=first, count=count)
    return load.run("propagation", "--url", engine.url, "--method", "DELETE", "--path", "/v1/keys/{uuid}",
                    *load.authorization(engine.master_key), "--gateway", gateway.url, "--check-header", check, "--rate", rate,
                    "--seconds", seconds, "--first", first, "--watch-every", every)


def highest_rate(engine, keys, seconds):
    per_second = FIRST_GUESS
    for _ in range(2):  # the first time it gets warm, and says how many keys the second one takes
        count = int(per_second * seconds)
        per_second = load.http(engine, *load.authorization(engine.master_key), seconds=0, method="DELETE",
                               path="/v1/keys/{uuid}", first=keys.take(count), count=count)["per_second"]
    return per_second


def measure_propagation(settings):
    rounds = {"revoked": [], "redis": [], "half": []}
    with Workplace() as place:
        redis = place.redis()
        engine = place.engine(redis)
        gateway = place.gateway(engine, redis, cpu=LOAD_CPU)
        seconds = settings.seconds
        keys = Keys(engine)
        half = int(highest_rate(engine, keys, min(1, seconds)) / 2)
        for number in range(settings.rounds):
            settings.tell_round(number)
            rounds["revoked"].append(watch(engine, gateway, keys, RATE, seconds))
            rounds["redis"].append(load.run("redis", "--socket", redis.socket, "--rate", RATE, "--seconds", seconds,
                                            "--size", SIZE, cpu=SERVER_CPU))
            rounds["half"].append(watch(engine, gateway, keys, half, seconds))

    def column(side, member, field):
        return [entry[member][field] / 1000 for entry in rounds[side]]

    peer = "Redis alone, `PUBLISH` to subscriber"
    what = "from sending a `DELETE` to the gateway's first denial, {:,} a second, {}"
    return result(
        "How soon a gateway denies",
        [figure(what.format(RATE, "p50"), "ms", column("revoked", "denial", "p50_us"), column("redis", "latency", "p50_us"), peer,
                [("ratio", "≤", 4.0)], headline=True),
         figure(what.format(RATE, "p99"), "ms", column("revoked", "denial", "p99_us"), column("redis", "latency", "p99_us"), peer,
                [("value", "≤", 1.0)], headline=True),
         figure(what.format(half, "p50"), "ms", column("half", "denial", "p50_us")),
         figure(what.format(half, "p99"), "ms", column("half", "denial", "p99_us"), goals=[("value", "≤", 5.0)], headline=True),
         figure(f"until the 2xx, {RATE:,} a second, p99", "ms", column("revoked", "latency", "p99_us"))],
        [f"{half:,} a second is half of what the engine took in a closed loop just before. {WATCHED_PER_SECOND} a second are"
         " watched, at either rate."])
