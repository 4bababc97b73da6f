"""Ten million keys: import rate, memory, start time."""
import os
import shutil
import time

from comparison import load
from comparison.figures import figure, result
from comparison.processes import SERVER_CPU, Failed
from comparison.workplace import Workplace, redis_cli

REDIS_BYTES_A_KEY = 1000  # upper estimate, to check the available memory
REVOKED_EVERY = 10

# The same data in Redis: a hash per key, a set per owner, and a mapping from digest to id.
DIGEST = ("{digest}", 64)
OWNERS = (("u", "u{n%1000000:7}", 8), ("a", "a{n%10000:5}", 6), ("w", "w{n%1000:4}", 5))
ACTIVE = "".join([
    load.redis_command("HSET", ("k:{uuid}", 38), "user", OWNERS[0][1:], "application", OWNERS[1][1:], "workspace",
                       OWNERS[2][1:], "state", "active"),
    *(load.redis_command("SADD", (f"{scope}:{text}", size + 2), load.UUID) for scope, text, size in OWNERS),
    load.redis_command("SET", ("d:{digest}", 66), load.UUID),
])


def key_count(settings):
    wanted = settings.scaled(10_000_000)
    with open("/proc/meminfo", encoding="ascii") as file:
        available = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    possible = int(available * 0.7 / REDIS_BYTES_A_KEY)
    if possible < wanted:
        settings.tell(f"the memory suffices for {possible:,} keys and a Redis, not for {wanted:,}")
    return min(wanted, possible)


def settled_bytes(child):
    """Resident memory once it is stable."""
    last = child.resident_bytes()
    for _ in range(60):
        time.sleep(0.5)
        now = child.resident_bytes()
        if abs(now - last) < 2**20:
            return now
        last = now
    return last


def measure_revoked(settings, count):
    measured = {"starts": []}
    with Workplace() as place:
        engine = place.engine()
        settings.tell(f"importing {count:,} keys")
        measured["import_seconds"] = load.import_keys(engine, 0, count)
        engine.wait_until_idle()  # files are still being written, and their buffers released afterwards
        measured["bytes"] = settled_bytes(engine)
        tenth = count // REVOKED_EVERY
        answer, _ = load.send_lines(engine, "/v1/revocations", '{"key_id":"{uuid}"}\n', 0, tenth)
        if answer["revoked"] != tenth:
            raise Failed(f"{answer['revoked']} of {tenth} keys were revoked")
        engine.wait_until_idle()  # the state of an engine that has been running for a while
        for number in range(settings.heavy_rounds):
            settings.tell_round(number, settings.heavy_rounds)
            place.stop(engine)
            engine = place.engine(data=engine.data)
            measured["starts"].append(engine.ready_after_s)
        measured["bytes_after_start"] = settled_bytes(engine)
        place.stop(engine)
        measured["behind"] = count // 2
        measured["start_behind"] = start_behind(settings, place, engine.data, tenth, count // 2)
    return measured


def start_behind(settings, place, data, first, count):
    """Start time after kill -9, with `count` revocations since the checkpoint."""
    settings.tell(f"revoking {count:,} keys after the checkpoint")
    checkpoint, kept = f"{data}/tables", f"{data}-tables"
    shutil.copyfile(checkpoint, kept)
    engine = place.engine(data=data)
    answer, _ = load.send_lines(engine, "/v1/revocations", '{"key_id":"{uuid}"}\n', first, count)
    if answer["revoked"] != count:
        raise Failed(f"{answer['revoked']} of {count} keys were revoked")
    engine.wait_until_idle()
    engine.kill()
    place.stop(engine)
    os.replace(kept, checkpoint)  # replaces any newer one
    return place.engine(data=data).ready_after_s


def measure_redis(settings, count):
    measured = {"starts": []}
    with Workplace() as place:
        redis = place.redis(cpu=SERVER_CPU)
        settings.tell(f"filling a Redis with {count:,} keys")
        load.feed_redis(redis, ACTIVE, 0, count)
        revoked = load.redis_command("HSET", ("k:{uuid}", 38), "state", "revoked")
        load.feed_redis(redis, revoked, 0, count // REVOKED_EVERY)
        measured["bytes"] = settled_bytes(redis)
        redis_cli(redis, "SAVE")
        for number in range(settings.heavy_rounds):
            settings.tell_round(number, settings.heavy_rounds)
            redis_cli(redis, "SHUTDOWN", "NOSAVE")
            place.stop(redis)
            redis = place.redis(cpu=SERVER_CPU, directory=redis.directory)
            measured["starts"].append(redis.ready_after_s)
        measured["bytes_after_start"] = settled_bytes(redis)
    return measured


def measure_keys(settings):
    count = key_count(settings)
    revoked, redis = measure_revoked(settings, count), measure_redis(settings, count)
    many = f"{count:,} keys"
    return result(
        "Ten million keys",
        [figure(f"import of {many} by digest", "keys/s", [count / revoked["import_seconds"]],
                goals=[("value", "≥", 500_000)], headline=True),
         figure(f"start with {many}, a tenth revoked", "s", revoked["starts"], redis["starts"], "Redis, from RDB",
                [("value", "≤", 2.5), ("ratio", "≤", 1.0)], headline=True),
         figure(f"start after kill -9, {revoked['behind']:,} revocations behind the checkpoint", "s", [revoked["start_behind"]],
                goals=[("value", "≤", 6)]),
         figure(f"memory with {many}, three owners each, everything included", "bytes a key", [revoked["bytes"] / count],
                [redis["bytes"] / count], "Redis, the same in hashes and sets", [("value", "≤", 96), ("ratio", "≤", 0.25)],
                headline=True),
         figure(f"memory after a start with {many}", "bytes a key", [revoked["bytes_after_start"] / count],
                [redis["bytes_after_start"] / count], "Redis, the same in hashes and sets")])
