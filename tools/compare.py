#!/usr/bin/env python3
"""Measures revoked beside its peers and writes build/compare/results.json and table.md.

The server under test has the first processor, load and Redis the second. Peers alternate within each round, so that
the drift of a shared machine hits them alike: read the ratios, and the medians. CPU time is the server's own, user
and system, from /proc. Every revocation is of another key, synced to disk, and published to Redis.
"""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

BIN = "build/release/bin"
SERVER_CPU, LOAD_CPU = "0", "1"
CONNECTIONS = 64


def pinned(cpu, *command):
    return ["taskset", "-c", cpu, *command]


class Child:
    """A process of its own that ends with us."""

    def __init__(self, command, ready=None, log=subprocess.DEVNULL):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE if ready else subprocess.DEVNULL, stderr=log,
                                        stdin=subprocess.DEVNULL, text=True)
        self.url = None
        if ready:
            line = self.process.stdout.readline()
            if ready not in line:
                sys.exit(f"compare: {command[3]} said {line!r} instead of being ready")
            self.url = line.split()[-1]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def cpu_seconds(self):
        total = 0
        for pid in [self.process.pid, *children_of(self.process.pid)]:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def wait_for_port(port):
    import socket
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    sys.exit(f"compare: nothing listens on port {port}")


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_nginx(directory, location):
    port = free_port()
    path = f"{directory}/nginx-{port}.conf"
    with open(path, "w", encoding="ascii") as file:
        file.write(f"""worker_processes 1; daemon off; pid {directory}/nginx-{port}.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{ listen 127.0.0.1:{port} reuseport; location / {{ {location} }} }} }}
""")
    nginx = Child(pinned(SERVER_CPU, "nginx", "-c", path, "-p", directory))
    wait_for_port(port)
    nginx.url = f"http://127.0.0.1:{port}"
    return nginx


def create_keys(url, master_key, first, count):
    """Creates keys bk<first>... by pipelined requests."""
    import socket
    port = int(url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        answers = connection.makefile("rb")
        for start in range(first, first + count, 64):
            numbers = range(start, min(start + 64, first + count))
            sent = b""
            for number in numbers:
                body = json.dumps({"key_id": f"bk{number}", "user": f"u{number % 100000}", "application": f"a{number % 5000}",
                                   "workspace": f"w{number % 500}"}).encode()
                sent += (f"POST /v1/keys HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {master_key}\r\n"
                         f"Content-Length: {len(body)}\r\n\r\n").encode() + body
            connection.sendall(sent)
            for _ in numbers:
                if b" 201 " not in answers.readline():
                    sys.exit("compare: a key could not be created")
                length = 0
                while (line := answers.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                answers.read(length)


WRK_DELETE = """
local n = {first} - 1
request = function()
  n = n + 1
  return wrk.format("DELETE", "/v1/keys/bk" .. n, {{["Authorization"] = "Bearer {key}"}})
end
done = function(summary)
  io.write(string.format("BAD %d\\n", summary.errors.status + summary.errors.read + summary.errors.timeout))
end
"""


def run_wrk(directory, server, script, seconds):
    path = f"{directory}/load.lua"
    with open(path, "w", encoding="ascii") as file:
        file.write(script)
    cpu, began = server.cpu_seconds(), time.monotonic()
    output = subprocess.run(pinned(LOAD_CPU, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", path, server.url),
                            check=True, capture_output=True, text=True).stdout
    elapsed = time.monotonic() - began
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    bad = int(re.search(r"BAD (\d+)", output).group(1))
    if bad:
        sys.exit(f"compare: {bad} of {requests} requests went wrong at {server.url}")
    return {"requests": requests, "per_second": requests / elapsed,
            "cpu_us": (server.cpu_seconds() - cpu) / requests * 1e6}


def measure_revocations(directory, engine, master_key, arguments):
    nginx = start_nginx(directory, "return 204;")
    rounds = {"revoked": [], "nginx": []}
    next_key = 0
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
        create_keys(engine.url, master_key, next_key, arguments.keys_per_round)
        script = WRK_DELETE.format(first=next_key, key=master_key)
        rounds["revoked"].append(run_wrk(directory, engine, script, arguments.seconds))
        if rounds["revoked"][-1]["requests"] > arguments.keys_per_round:
            sys.exit("compare: the keys ran out; give more with --keys-per-round")
        rounds["nginx"].append(run_wrk(directory, nginx, script, arguments.seconds))
        next_key += arguments.keys_per_round
    nginx.stop()
    return rounds, next_key


def measure_propagation(directory, engine, redis_url, arguments):
    gateway = Child(pinned(LOAD_CPU, f"{BIN}/revoked-gateway", "--listen", "127.0.0.1:0", "--engine", engine.url, "--redis",
                           redis_url, "--engine-key-file", f"{directory}/data/master.key"), ready="is ready on")
    output = subprocess.run(["python3", "tools/demonstrate.py", "--engine", engine.url, "--gateway", gateway.url, "--key-file",
                             f"{directory}/data/master.key", "--rounds", str(arguments.revocations)],
                            check=True, capture_output=True, text=True).stdout
    gateway.stop()
    found = re.search(r"to the first denial: p50 ([-\d.]+) ms, p99 ([-\d.]+) ms", output)
    return {"p50_ms": float(found.group(1)), "p99_ms": float(found.group(2)), "revocations": arguments.revocations}


def median(rounds, field):
    return statistics.median(entry[field] for entry in rounds)


def median_ratio(rounds, field):
    return statistics.median(a[field] / b[field] for a, b in zip(rounds["revoked"], rounds["nginx"]))


def table(results):
    revocations = results["revocations"]
    rows = []
    for name, label in (("revoked", "revoked: `DELETE`, synced, published"), ("nginx", "nginx: `return 204`")):
        rows.append(f"| {label} | {median(revocations[name], 'per_second'):,.0f} | {median(revocations[name], 'cpu_us'):.1f} |")
    propagation = results["propagation"]
    return "\n".join([
        f"64 keep-alive connections, the server on one core, the load and Redis on another; medians of {len(revocations['revoked'])} rounds.",
        "",
        "| | requests/s | CPU µs a request |",
        "| --- | ---: | ---: |",
        *rows,
        f"| ratio | {median_ratio(revocations, 'per_second'):.2f} | {median_ratio(revocations, 'cpu_us'):.2f} |",
        "",
        f"From sending a `DELETE` to the gateway's first denial, one at a time: p50 {propagation['p50_ms']:.2f} ms,"
        f" p99 {propagation['p99_ms']:.2f} ms ({propagation['revocations']} revocations).",
        "",
        f"Memory of the whole engine at {results['memory']['keys']:,} keys with three owners each:"
        f" {results['memory']['bytes_per_key']:.0f} bytes a key.",
        ""])


def main():
    parser = argparse.ArgumentParser(prog="tools/compare", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of load, a peer and round")
    parser.add_argument("--keys-per-round", type=int, default=200_000)
    parser.add_argument("--revocations", type=int, default=1000, help="to measure the way to a gateway with")
    arguments = parser.parse_args()
    if os.cpu_count() < 2:
        sys.exit("compare: needs two processors, one for the server and one for the load")

    directory = tempfile.mkdtemp(prefix="revoked-compare.", dir=".")  # on a real disk, not a tmpfs
    directory = os.path.abspath(directory)
    started = []
    try:
        redis_url = f"unix://{directory}/redis.sock"
        started.append(Child(pinned(LOAD_CPU, "redis-server", "--port", "0", "--unixsocket", f"{directory}/redis.sock",
                                    "--save", "", "--appendonly", "no", "--dir", directory)))
        engine = Child(pinned(SERVER_CPU, f"{BIN}/revoked", "--listen", "127.0.0.1:0", "--threads", "1", "--data-dir",
                              f"{directory}/data", "--redis", redis_url), ready="is ready on")
        started.append(engine)
        with open(f"{directory}/data/master.key", encoding="ascii") as file:
            master_key = file.read().strip()
        while json.load(urllib.request.urlopen(f"{engine.url}/healthz"))["redis"] != "connected":
            time.sleep(0.05)
        at_rest = engine.resident_bytes()
        rounds, keys = measure_revocations(directory, engine, master_key, arguments)
        propagation = measure_propagation(directory, engine, redis_url, arguments)
        results = {"revocations": rounds, "propagation": propagation,
                   "memory": {"keys": keys, "at_rest_bytes": at_rest, "resident_bytes": engine.resident_bytes(),
                              "bytes_per_key": engine.resident_bytes() / keys}}
    finally:
        for child in reversed(started):
            child.stop()
        shutil.rmtree(directory, ignore_errors=True)

    os.makedirs("build/compare", exist_ok=True)
    with open("build/compare/results.json", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    text = table(results)
    with open("build/compare/table.md", "w", encoding="utf-8") as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    main()
