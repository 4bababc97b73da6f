"""Five million ids in one request, compared to the fastest deletion of as many keys from a Redis."""
import subprocess

from comparison import load
from comparison.figures import figure, result
from comparison.processes import SERVER_CPU, Failed
from comparison.workplace import Workplace, redis_pipe


def revoke(count):
    """Returns seconds, and peak bytes above the idle memory."""
    with Workplace() as place:
        engine = place.engine(place.redis())
        load.import_keys(engine, 0, count)
        engine.wait_until_idle()
        engine.reset_peak()
        rest = engine.resident_bytes()
        answer, seconds = load.send_lines(engine, "/v1/revocations", '{"key_id":"{uuid}"}\n', 0, count)
        if answer["revoked"] != count:
            raise Failed(f"{answer['revoked']} of {count} keys were revoked")
        return seconds, engine.resident_bytes("VmHWM") - rest


def delete_from_redis(count):
    with Workplace() as place:
        redis = place.redis(cpu=SERVER_CPU, append_only=True)
        load.feed_redis(redis, load.redis_command("SET", load.UUID, "x"), 0, count)
        path = place.new_path("deletions")
        with open(path, "wb") as file:
            subprocess.run(load.command("lines", "--line", load.redis_command("DEL", load.UUID), "--count", count), stdout=file,
                           check=True)
        with open(path, "rb") as file:
            return redis_pipe(redis, file)


def measure_bulk(settings):
    count = settings.scaled(5_000_000)
    seconds, memory, beside = [], [], []
    for number in range(settings.heavy_rounds):
        settings.tell_round(number, settings.heavy_rounds)
        took, above_rest = revoke(count)
        seconds.append(took)
        memory.append(above_rest / 2**20)
        beside.append(delete_from_redis(count))
    what = f"{count:,} ids as NDJSON in one request, synced"
    return result(
        "Revoke in bulk",
        [figure(what, "ids/s", [count / took for took in seconds], [count / took for took in beside],
                "`redis-cli --pipe` of `DEL`, appended, synced once a second",
                [("value", "≥", 1_500_000), ("ratio", "≥", 2.0)], headline=True),
         figure("memory above rest meanwhile", "MiB", memory, goals=[("value", "≤", 64)])])
