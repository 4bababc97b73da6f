"""Runs the load generator, build/release/bin/revoked-load, on the processor for load."""
import json
import subprocess
import urllib.request

from comparison.processes import LOAD_CPU, Failed
from comparison.workplace import BIN, redis_pipe

LIMIT_S = 900
CONNECTIONS = 64

# A typical imported key: an id as revoked issues them, the digest of its secret, three owners.
KEY_LINE = ('{"key_id":"{uuid}","secret_sha256":"{digest}","user":"u{n%1000000:7}","application":"a{n%10000:5}",'
            '"workspace":"w{n%1000:4}"}\n')


def command(*arguments, cpu=LOAD_CPU):
    return ["taskset", "-c", cpu, f"{BIN}/revoked-load", *map(str, arguments)]


def run(*arguments, cpu=LOAD_CPU):
    done = subprocess.run(command(*arguments, cpu=cpu), capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0:
        raise Failed(f"revoked-load {' '.join(map(str, arguments[:3]))}: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(done.stdout)


def start(*arguments):
    return subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, text=True)


def authorization(credential):
    return ["--header", f"Authorization: Bearer {credential}"]


def ask(engine, method, path, body=None):
    """Sends one request with the master key; returns the JSON response."""
    request = urllib.request.Request(engine.url + path, json.dumps(body).encode() if body else None,
                                     {"Authorization": f"Bearer {engine.master_key}"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def http(server, *arguments, seconds, connections=CONNECTIONS, **more):
    """Runs a closed or open loop; returns its result with the server's CPU time per request: during the load, and
    including background work afterwards."""
    options = [text for name, value in more.items() for text in (f"--{name}", value)]
    before = server.cpu_seconds()
    result = run("http", "--url", server.url, "--connections", connections, "--seconds", seconds, *options, *arguments)
    result["cpu_us"] = (server.cpu_seconds() - before) / result["answered"] * 1e6
    server.wait_until_idle()  # so that deferred work does not affect the next peer
    result["cpu_us_with_background"] = (server.cpu_seconds() - before) / result["answered"] * 1e6
    return result


def send_lines(engine, path, line, first, count):
    """Sends one request of `count` lines; returns the response and the seconds."""
    done = run("body", "--url", engine.url, "--method", "POST", "--path", path, *authorization(engine.master_key),
               "--line", line, "--first", first, "--count", count)
    return json.loads(done["body"]), done["seconds"]


def import_keys(engine, first, count, line=KEY_LINE):
    answer, seconds = send_lines(engine, "/v1/keys/import", line, first, count)
    if answer["created"] != count:
        raise Failed(f"{answer['created']} of {count} keys were imported: {answer['failed'][:3]}")
    return seconds


def redis_command(*words):
    """The template of a command; a word is text or (template, length after expansion)."""
    parts = [(word, len(word)) if isinstance(word, str) else word for word in words]
    return f"*{len(parts)}\r\n" + "".join(f"${length}\r\n{text}\r\n" for text, length in parts)


UUID = ("{uuid}", 36)


def feed_redis(redis, line, first, count):
    """Generates commands and pipes them to Redis; returns the seconds."""
    with subprocess.Popen(command("lines", "--line", line, "--first", first, "--count", count),
                          stdout=subprocess.PIPE) as lines:
        return redis_pipe(redis, lines.stdout)


