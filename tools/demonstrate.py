#!/usr/bin/env python3
"""Demonstrates a revocation, and measures how long a gateway still allows the key.

A second process polls the gateway for the key on one connection while this one sends the DELETE on another. Both use
the same monotonic clock. The denial counts when its response has arrived, so the result is never better than what a
client sees.

With --rounds N it revokes N keys and prints the distribution.
"""
import argparse
import json
import os
import socket
import struct
import sys
import time
from urllib.parse import urlsplit

DENIAL_DEADLINE_S = 10


class Connection:
    """One keep-alive HTTP/1.1 connection with minimal overhead."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.host = parts.netloc
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""

    def format(self, method, target, credential, body=None, prefer=None):
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {credential}\r\n"
        if prefer:
            head += f"Prefer: {prefer}\r\n"
        content = b"" if body is None else json.dumps(body).encode()
        if content:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        return head.encode() + b"\r\n" + content

    def exchange(self, request):
        """Sends one request; returns (status, body). `headers` then has the headers of the answer."""
        self.socket.sendall(request)
        while b"\r\n\r\n" not in self.unread:
            self.read()
        head, self.unread = self.unread.split(b"\r\n\r\n", 1)
        status = int(head[9:12])
        lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
        self.headers = {name.decode().lower(): value.decode().strip() for name, _, value in lines}
        length = int(self.headers.get("content-length", 0))
        while len(self.unread) < length:
            self.read()
        body, self.unread = self.unread[:length], self.unread[length:]
        return status, body

    def read(self):
        received = self.socket.recv(65536)
        if not received:
            raise ConnectionError(f"{self.host} closed the connection")
        self.unread += received

    def call(self, method, target, credential, body=None):
        status, content = self.exchange(self.format(method, target, credential, body))
        return status, json.loads(content) if content else {}


def expect(condition, message):
    if not condition:
        sys.exit(f"demonstrate: {message}")


def watch_in_another_process(gateway_url, secret):
    """Starts polling; returns a function that waits for the first denial and returns (time, status, checks)."""
    result_read, result_write = os.pipe()
    ready_read, ready_write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            connection = Connection(gateway_url)
            request = connection.format("GET", "/check", secret)
            give_up = time.monotonic() + DENIAL_DEADLINE_S
            checks = 0
            status = 200
            while status == 200 and time.monotonic() < give_up:
                status, _ = connection.exchange(request)
                now = time.monotonic_ns()
                checks += 1
                if checks == 100:  # warmed up
                    os.write(ready_write, b"r")
            os.write(result_write, struct.pack("qqq", now, status, checks))
        finally:
            os._exit(0)
    os.close(result_write)
    os.close(ready_write)
    expect(os.read(ready_read, 1) == b"r", "the gateway stopped allowing an active key")

    def first_denial():
        answer = os.read(result_read, 24)
        os.waitpid(child, 0)
        os.close(result_read)
        os.close(ready_read)
        expect(len(answer) == 24, "the gateway did not answer")
        return struct.unpack("qqq", answer)

    return first_denial


def revoke_and_measure(engine, arguments, master_key, key):
    """Returns (ms from sending to the first denial, from the 2xx to it, from sending to the 2xx, its status,
    checks until then, the position of the revocation)."""
    first_denial = watch_in_another_process(arguments.gateway, key["secret"])
    request = engine.format("DELETE", f"/v1/keys/{key['key_id']}?reason=demonstration", master_key)
    sent = time.monotonic_ns()
    status, _ = engine.exchange(request)
    answered = time.monotonic_ns()
    expect(status == 200, f"the revocation was answered with {status}")
    position = engine.headers["revocation-position"]
    denied, status, checks = first_denial()
    expect(status != 200, f"the gateway still allowed the key {DENIAL_DEADLINE_S} s later")
    return (denied - sent) / 1e6, (denied - answered) / 1e6, (answered - sent) / 1e6, status, checks, position


def around_the_answer(ms):
    return f"{ms:.2f} ms after" if ms >= 0 else f"{-ms:.2f} ms before"


def tell_of_last_time(engine, master_key, path):
    try:
        with open(path, encoding="utf-8") as file:
            last = json.load(file)
    except (OSError, ValueError):
        return
    print("Keys of the previous start:")
    for what in ("revoked", "active"):
        status, key = engine.call("GET", f"/v1/keys/{last[what]}", master_key)
        expect(status == 200 and key["state"] == what, f"key {last[what]} should be {what}: {status} {key}")
        when = f" since {key['revoked_at']}" if key.get("revoked_at") else ""
        print(f"  {last[what]}  {key['state']}{when}")


def show_receipt(engine, master_key, position):
    status, content = engine.exchange(
        engine.format("GET", f"/v1/receipts/{position}", master_key, prefer=f"wait={DENIAL_DEADLINE_S}"))
    expect(status == 200, f"the receipt was answered with {status}")
    receipt = json.loads(content)
    gateways = receipt["gateways"]
    known = len(gateways) + len(receipt["waiting"])
    print(f"receipt of {position}: {len(gateways)}/{known} gateways deny it, by the engine's clock at the latest")
    for gateway in gateways:
        after = "at its first report" if gateway["after_ms"] is None else f"after {gateway['after_ms']:.2f} ms"
        print(f"  {gateway['name']}  {gateway['by']}  {after}")
    expect(not receipt["waiting"], f"not enforced by {', '.join(receipt['waiting'])}")


def demonstrate(engine, gateway, arguments, master_key):
    if arguments.remember:
        tell_of_last_time(engine, master_key, arguments.remember)
    keys = []
    for name in ("to be revoked", "to be kept"):
        status, key = engine.call("POST", "/v1/keys", master_key, {"user": "demonstration", "name": name})
        expect(status == 201, f"creating a key failed: {status} {key}")
        keys.append(key)
    doomed, kept = keys
    print(f"created key {doomed['key_id']}")
    for key in keys:
        status, _ = gateway.exchange(gateway.format("GET", "/check", key["secret"]))
        expect(status == 200, f"the gateway answered {status} for an active key")
    print("the gateway allows it: 200")

    from_sending, from_answer, answer, status, checks, position = revoke_and_measure(
        engine, arguments, master_key, doomed)
    print(f"revoked it: durable and acknowledged in {answer:.2f} ms")
    print(f"the gateway denies it: {status}, first {from_sending:.2f} ms after the request was sent,"
          f" {around_the_answer(from_answer)} its response ({checks} checks)")
    status, _ = gateway.exchange(gateway.format("GET", "/check", kept["secret"]))
    expect(status == 200, f"the gateway answered {status} for the key that was not revoked")
    print("the same user's other key is still allowed: 200")
    show_receipt(engine, master_key, position)
    if arguments.remember:
        with open(arguments.remember, "w", encoding="utf-8") as file:
            json.dump({"revoked": doomed["key_id"], "active": kept["key_id"]}, file)


def measure(engine, gateway, arguments, master_key):
    results = []
    for _ in range(arguments.rounds):
        _, key = engine.call("POST", "/v1/keys", master_key, {"user": "measurement"})
        gateway.exchange(gateway.format("GET", "/check", key["secret"]))
        results.append(revoke_and_measure(engine, arguments, master_key, key))
    for name, column in (("from sending the DELETE to the first denial", 0), ("from its 2xx to the first denial", 1),
                         ("from sending the DELETE to its 2xx", 2)):
        ordered = sorted(result[column] for result in results)
        at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99)]
        print(f"{name}: p50 {at[0]:.2f} ms, p99 {at[1]:.2f} ms, worst {ordered[-1]:.2f} ms"
              f" ({len(ordered)} revocations)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="http://127.0.0.1:7385")
    parser.add_argument("--gateway", default="http://127.0.0.1:7386")
    parser.add_argument("--key-file", default="data/master.key", help="the master key")
    parser.add_argument("--remember", help="file with the keys to look for at the next run")
    parser.add_argument("--rounds", type=int, default=0, help="measure this many revocations instead")
    arguments = parser.parse_args()
    with open(arguments.key_file, encoding="utf-8") as file:
        master_key = file.read().strip()
    engine = Connection(arguments.engine)
    gateway = Connection(arguments.gateway)
    (measure if arguments.rounds else demonstrate)(engine, gateway, arguments, master_key)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(f"demonstrate: {error}")
