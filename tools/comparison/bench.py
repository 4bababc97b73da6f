"""Figures that need no server, from the bench program: look-ups, and their scaling with threads."""
import json
import os
import subprocess

from comparison.figures import figure, result
from comparison.processes import SERVER_CPU, Failed, Skip
from comparison.workplace import BIN

PROGRAM = f"{BIN}/bench"
LOOKUPS = "^(key_table/(flat_map_alone|find_by_digest)/|near_cache/(find/uniform.*threads:1$|sha256))"
THREADS = "^near_cache/find/uniform/"
ENGINE_THREADS = "^engine/(verify|revoke|revoke_sync_100us)/"


def run(settings, pattern, keys, cpus):
    """Returns operations a second by benchmark name, one value per repetition; repetitions are interleaved."""
    done = subprocess.run(
        ["taskset", "-c", cpus, PROGRAM, "--keys", str(keys), f"--benchmark_filter={pattern}", "--benchmark_format=json",
         f"--benchmark_repetitions={settings.rounds}", "--benchmark_enable_random_interleaving=true"],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"bench exited with {done.returncode}: {done.stderr.strip()}")
    return by_name(json.loads(done.stdout))


def by_name(report):
    found = {}
    for entry in report["benchmarks"]:
        if entry.get("run_type", "iteration") == "iteration" and not entry.get("error_occurred"):
            found.setdefault(entry["run_name"], []).append(entry["items_per_second"])
    return found


def pick(found, start, end=""):
    for name, values in found.items():
        if name.startswith(start) and name.endswith(end):
            return values
    raise Failed(f"bench has no {start}…{end}")


def measure_bench(settings):
    if not os.path.exists(PROGRAM):
        raise Skip(f"{PROGRAM} not found")
    keys = settings.scaled(10_000_000)
    lookups = run(settings, LOOKUPS, keys, SERVER_CPU)
    threads = run(settings, THREADS, 1000, f"{SERVER_CPU},1")
    single = pick(lookups, "key_table/find_by_digest/")
    return result(
        "Look-ups",
        [figure(f"by digest, {keys:,} keys, random", "look-ups/s", single, pick(lookups, "key_table/flat_map_alone/"),
                "`boost::unordered_flat_map` alone", [("value", "≥", 8_000_000), ("ratio", "≥", 0.8)], headline=True),
         figure("in the near cache", "look-ups/s", pick(lookups, "near_cache/find/uniform"),
                goals=[("value", "≥", 10_000_000)], headline=True),
         figure("SHA-256 of the secret, which comes before it", "hashes/s", pick(lookups, "near_cache/sha256_of_secret")),
         figure("in the near cache, two threads", "look-ups/s", pick(threads, THREADS[1:], "threads:2"),
                pick(threads, THREADS[1:], "threads:1"), "one thread", [("ratio", "≥", 1.8)])])


def measure_threads(settings):
    """The engine in one process with its load, over a store that discards everything."""
    if not os.path.exists(PROGRAM):
        raise Skip(f"{PROGRAM} not found")
    keys = settings.scaled(1_000_000)
    cores = os.cpu_count()
    found = run(settings, ENGINE_THREADS, keys, f"0-{cores - 1}")
    counts = sorted({int(name.rpartition(":")[2]) for name in found})
    if 2 not in counts:
        raise Skip("there is only one core")

    def figures_of(verb, name):
        def at(threads):
            return pick(found, f"engine/{verb}/", f"/threads:{threads}")
        return [figure(f"{name}, {threads} threads", "keys/s", at(threads), at(1), "one thread",
                       [("ratio", "≥", 1.8)] if threads == 2 else []) for threads in counts if threads > 1]

    return result("Threads of one engine", figures_of("verify", "verify") + figures_of("revoke", "revoke")
                  + figures_of("revoke_sync_100us", "revoke, a commit takes 100 µs"))
