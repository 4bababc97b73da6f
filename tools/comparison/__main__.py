"""Measures revoked and its peers and writes build/compare/results.json, table.md and one chart per item.

The server under test has the first processor, load and Redis the second. Peers take turns within each round, so that
drift of a shared machine affects all of them: compare the ratios. CPU time is the server's own, user and system, from
/proc. The load generator is build/release/bin/revoked-load; results.json has its share of a processor: near 1, the
load generator was the limit.
"""
import argparse
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import time

from comparison import bench, bulk, charts, cluster, dead_keys, many_keys, owners, propagation, publish, single_requests, table
from comparison.processes import Failed, Skip, processor_seconds

OUTPUT = "build/compare"
ITEMS = {
    "delete": single_requests.measure_delete,
    "webdis": single_requests.measure_webdis,
    "node": single_requests.measure_node,
    "pipelined": single_requests.measure_pipelined,
    "verify": single_requests.measure_verify,
    "check": single_requests.measure_check,
    "tls": single_requests.measure_check_tls,
    "propagation": propagation.measure_propagation,
    "receipts": propagation.measure_receipts,
    "beside": propagation.measure_beside_bulk,
    "owner": owners.measure_owner,
    "bulk": bulk.measure_bulk,
    "cluster": cluster.measure_cluster,
    "keys": many_keys.measure_keys,
    "dead": dead_keys.measure_dead,
    "bench": bench.measure_bench,
    "threads": bench.measure_threads,
}


class Settings:
    """The extent of the measurement, and progress output."""

    def __init__(self, arguments):
        self.rounds = arguments.rounds or (2 if arguments.quick else 5)
        self.heavy_rounds = 1 if arguments.quick else min(self.rounds, 3)  # of items with slow preparation
        self.seconds = arguments.seconds or (0.5 if arguments.quick else 2)
        self.share = arguments.scale or (0.05 if arguments.quick else 1)
        self.item = ""

    def scaled(self, count):
        """A count of keys or ids, scaled."""
        return max(1000, int(count * self.share))

    def tell(self, what):
        print(f"compare: {self.item}: {what}", file=sys.stderr)

    def look_for_others(self):
        """Warns about other load on the machine, which alternating the peers does not compensate."""
        before, _ = processor_seconds()
        time.sleep(0.5)
        busy = (processor_seconds()[0] - before) / 0.5
        if busy > 0.1:
            self.tell(f"the machine is not idle: other processes use {busy * 100:.0f} % of a processor")
        return round(busy, 2)

    def tell_round(self, number, rounds=None):
        self.tell(f"round {number + 1} of {rounds or self.rounds}")


def read_arguments():
    parser = argparse.ArgumentParser(prog="tools/compare", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=ITEMS, metavar="NAME", help="measure only these: " + ", ".join(ITEMS))
    parser.add_argument("--quick", action="store_true", help="a few minutes: few rounds, few keys")
    parser.add_argument("--rounds", type=int, help="number of rounds (5)")
    parser.add_argument("--seconds", type=float, help="duration of load per peer and round (2)")
    parser.add_argument("--scale", type=float, help="scale factor for the keys and ids of large measurements (1)")
    parser.add_argument("--keep", action="store_true", help="add to the existing results")
    parser.add_argument("--redraw", action="store_true", help="only redraw table and charts")
    parser.add_argument("--publish", action="store_true", help="write table and charts into README.md and docs/")
    return parser.parse_args()


def host():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"processor": models[0] if models else platform.machine(), "processors": os.cpu_count(),
            "kernel": platform.release().split("-")[0], "memory_gib": round(memory / 2**30)}


def commit():
    return subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True,
                          check=False).stdout.strip() or "unknown"


def old_results():
    with open(f"{OUTPUT}/results.json", encoding="utf-8") as file:
        return json.load(file)


def keep(results):
    """Adds the existing results, with their commands and commits."""
    old = old_results()
    results.update({part: old[part] for part in ("items", "skipped")})
    results["command"] = f"{old['command']}; {results['command']}"
    if results["commit"] not in old["commit"].split(", "):
        results["commit"] = f"{old['commit']}, {results['commit']}"


def measure(arguments, results):
    """Fills `results`; returns the items that failed."""
    settings = Settings(arguments)
    failed = []
    for name in arguments.only or ITEMS:
        settings.item = name
        began = time.monotonic()
        try:
            settings.tell("starts")
            others = settings.look_for_others()
            stolen = processor_seconds()[1]
            item = ITEMS[name](settings)
            item["others_before"] = others
            item["stolen_s"] = round(processor_seconds()[1] - stolen, 2)
            item["measured_in_s"] = round(time.monotonic() - began, 1)
            results["items"][name] = item
            results["skipped"].pop(name, None)
            write(results)
        except Skip as reason:
            settings.tell(f"skipped, {reason}")
            results["skipped"][name] = str(reason)
        except (Failed, OSError, subprocess.SubprocessError) as error:
            settings.tell(f"failed, {error}")
            failed.append(name)
    return failed


def write(results):
    os.makedirs(OUTPUT, exist_ok=True)
    for name, item in results["items"].items():
        footer = f"tools/compare --only {name}; medians of {max(len(entry['revoked']) for entry in item['figures'])} round(s)"
        drawn = charts.chart(item["title"], item["figures"], footer)
        item["chart"] = f"{name}.svg" if drawn else None
        if drawn:
            with open(f"{OUTPUT}/{name}.svg", "w", encoding="utf-8") as file:
                file.write(drawn)
    with open(f"{OUTPUT}/results.json", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    with open(f"{OUTPUT}/table.md", "w", encoding="utf-8") as file:
        file.write(table.full_table(results))


def main():
    arguments = read_arguments()
    if not arguments.redraw and os.cpu_count() < 2:
        sys.exit("compare: requires two processors, one for the server and one for the load")
    results = {"command": shlex.join(["tools/compare", *sys.argv[1:]]), "at": time.strftime("%Y-%m-%d"), "commit": commit(),
               "host": host(), "items": {}, "skipped": {}}
    failed = []
    try:
        if arguments.redraw:
            results = old_results()
        else:
            if arguments.keep:
                keep(results)
            failed = measure(arguments, results)
    except FileNotFoundError as error:
        sys.exit(f"compare: {error.filename} not found")
    write(results)
    print(table.full_table(results))
    if failed:
        sys.exit("compare: failed: " + ", ".join(failed))
    if arguments.publish:
        publish.publish(results, OUTPUT)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # runs the `finally` clauses that stop everything
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
