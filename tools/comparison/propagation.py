"""Time from sending a DELETE to the gateway's first denial: compared to Redis alone, and during bulk requests."""
import contextlib
import threading

from comparison import load
from comparison.figures import figure, result
from comparison.processes import LOAD_CPU, SERVER_CPU
from comparison.workplace import Workplace

RATE = 1_000
WATCHED_PER_SECOND = 200  # polling loads the gateway
FIRST_GUESS = 30_000  # revocations a second
SIZE = 200  # bytes, about the size of a message with one event


class Keys:
    """Provides keys, each revoked once."""

    def __init__(self, engine):
        self.engine, self.next = engine, 0

    def take(self, count):
        first = self.next
        self.next += count
        load.import_keys(self.engine, first, count)
        self.engine.wait_until_idle()
        return first


CHECK = "Authorization: Bearer {secret}"


def warm(gateway, first, count):
    """Loads the keys into the gateway's near cache."""
    load.http(gateway, "--path", "/check", "--header", CHECK, seconds=0, first=first, count=count)


def revoke_and_watch(engine, gateway, rate, seconds, first, every, *more):
    return load.run("propagation", "--url", engine.url, "--method", "DELETE", "--path", "/v1/keys/{uuid}",
                    *load.authorization(engine.master_key), "--gateway", gateway.url, "--check-header", CHECK, "--rate", rate,
                    "--seconds", seconds, "--first", first, "--watch-every", every, *more)


def watch(engine, gateway, keys, rate, seconds):
    count = int(rate * seconds)
    first = keys.take(count)
    warm(gateway, first, count)
    return revoke_and_watch(engine, gateway, rate, seconds, first, max(1, rate // WATCHED_PER_SECOND))


def highest_rate(engine, keys, seconds):
    per_second = FIRST_GUESS
    for _ in range(2):  # the first run warms up and sizes the second one
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
        [f"{half:,} a second is half of the engine's rate in a closed loop just before. {WATCHED_PER_SECOND} a second are"
         " watched at either rate."])


GATEWAYS = 10
LONE_RATE = 20  # one after another: each has its own reports


def measure_receipts(settings):
    """The same load for both: each 2xx waits until all gateways have reported, and one of them is asked meanwhile."""
    rounds = []
    with Workplace() as place:
        redis = place.redis()
        engine = place.engine(redis)
        gateways = [place.gateway(engine, redis, cpu=LOAD_CPU, name=f"edge-{i}") for i in range(GATEWAYS)]
        keys = Keys(engine)
        for number in range(settings.rounds):
            settings.tell_round(number)
            count = int(LONE_RATE * settings.seconds)
            first = keys.take(count)
            warm(gateways[0], first, count)
            rounds.append(revoke_and_watch(engine, gateways[0], LONE_RATE, settings.seconds, first, 1,
                                           "--header", "Prefer: wait=5"))

    def column(member, field):
        return [entry[member][field] / 1000 for entry in rounds]

    what = "from sending a `DELETE` to the receipt of {} gateways, {} a second, {}"
    peer = "to the first denial at one of them"
    return result(
        "How soon a receipt is complete",
        [figure(what.format(GATEWAYS, LONE_RATE, "p50"), "ms", column("latency", "p50_us"), column("denial", "p50_us"), peer,
                [("ratio", "≤", 3.0)]),
         figure(what.format(GATEWAYS, LONE_RATE, "p99"), "ms", column("latency", "p99_us"), column("denial", "p99_us"), peer)],
        ["All gateways share a core with the load."])


BULK = 1_000_000  # lines a request
SINGLES = 100  # concurrent DELETEs a second, each watched
FIRST_BULK = 1_000_000_000  # disjoint from the watched keys


@contextlib.contextmanager
def kept_up(send):
    """Sends requests one after another in a thread until the block ends, then waits for the last one."""
    stop, problems, done = threading.Event(), [], []

    def send_all():
        try:
            while not stop.is_set():
                done.append(send(len(done)))
        except Exception as problem:  # raised again in the caller
            problems.append(problem)

    thread = threading.Thread(target=send_all)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()
    if problems:
        raise problems[0]


def measure_beside_bulk(settings):
    count = settings.scaled(BULK)
    alone, importing, revoking = [], [], []
    for number in range(settings.heavy_rounds):
        settings.tell_round(number, settings.heavy_rounds)
        with Workplace() as place:
            redis = place.redis()
            engine = place.engine(redis)
            gateway = place.gateway(engine, redis, cpu=LOAD_CPU)
            keys = Keys(engine)
            alone.append(watch(engine, gateway, keys, SINGLES, settings.seconds))
            first = keys.take(int(2 * SINGLES * settings.seconds))
            warm(gateway, first, int(2 * SINGLES * settings.seconds))
            with kept_up(lambda sent: load.import_keys(engine, FIRST_BULK + sent * count, count)) as imports:
                importing.append(revoke_and_watch(engine, gateway, SINGLES, settings.seconds, first, 1))
            engine.wait_until_idle()
            rest = first + int(SINGLES * settings.seconds)
            # Repeats from the first when all are done: those ids are already revoked.
            with kept_up(lambda sent: load.send_lines(engine, "/v1/revocations", '{"key_id":"{uuid}"}\n',
                                                      FIRST_BULK + sent % len(imports) * count, count)):
                revoking.append(revoke_and_watch(engine, gateway, SINGLES, settings.seconds, rest, 1))

    def column(side, field):
        return [entry["denial"][field] / 1000 for entry in side]

    what = "from sending a `DELETE` to the gateway's first denial, p99, during {} of {:,} keys"
    return result(
        "How soon a gateway denies during bulk requests",
        [figure(what.format("an import", count), "ms", column(importing, "p99_us"), column(alone, "p99_us"), "no bulk request",
                [("value", "≤", 5.0)], headline=True),
         figure(what.format("a bulk revocation", count), "ms", column(revoking, "p99_us"), column(alone, "p99_us"),
                "no bulk request", [("value", "≤", 5.0)], headline=True),
         figure("the same, p50, during an import", "ms", column(importing, "p50_us"), column(alone, "p50_us"), "no bulk request"),
         figure("the same, p50, during a bulk revocation", "ms", column(revoking, "p50_us"), column(alone, "p50_us"),
                "no bulk request")],
        [f"{SINGLES} `DELETE`s a second, each watched, while requests of {count:,} lines are sent one after another."])
