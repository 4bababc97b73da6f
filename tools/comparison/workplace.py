"""A directory on a real disk and the servers of a measurement; removed and stopped at its end."""
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
import urllib.request

from comparison.processes import LOAD_CPU, SERVER_CPU, Child, Failed, Skip, accepts, free_port

BIN = "build/release/bin"
NODE_DIRECTORY = "build/compare/node"


class Workplace(contextlib.AbstractContextManager):
    def __init__(self):
        self.directory = os.path.abspath(tempfile.mkdtemp(prefix="revoked-compare.", dir="."))
        self.started = []
        self.count = 0

    def __exit__(self, *_):
        while self.started:
            self.started.pop().stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def new_path(self, name):
        self.count += 1
        return f"{self.directory}/{name}-{self.count}"

    def add(self, child):
        self.started.append(child)
        return child

    def stop(self, child):
        self.started.remove(child)
        child.stop()

    def bus_options(self, redis):
        """With signatures: without them a gateway also follows the engine's feed."""
        if not redis:
            return []
        path = f"{self.directory}/bus.key"
        if not os.path.exists(path):
            with open(path, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32) + "\n")
        return ["--redis", redis.url, "--bus-key-file", path]

    def engine(self, redis=None, data=None, cpu=SERVER_CPU, threads=1, options=(), master_key_file=None):
        data = data or self.new_path("data")
        options = [*self.bus_options(redis), *options]
        if master_key_file:
            options += ["--master-key-file", master_key_file]
        engine = self.add(Child("revoked", cpu, f"{BIN}/revoked", "--listen", "127.0.0.1:0", "--threads", threads,
                                "--data-dir", data, *options, ready="is ready on", log=data + ".log"))
        engine.data = data
        engine.master_key_file = master_key_file or f"{data}/master.key"
        with open(engine.master_key_file, encoding="ascii") as file:
            engine.master_key = file.read().strip()
        if redis:
            engine.wait_until(lambda: json.load(urllib.request.urlopen(engine.url + "/healthz"))["redis"] == "connected")
        return engine

    def certificate(self):
        """For this machine, signed by itself: the files of certificate and key."""
        path = self.new_path("certificate")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", path + ".key", "-out", path + ".pem"], check=True, capture_output=True)
        return path + ".pem", path + ".key"

    def gateway(self, engine, redis, cpu, certificate=None, name=None):
        options = self.bus_options(redis)
        if name:
            options += ["--name", name]
        if certificate:
            options += ["--tls-cert", certificate[0], "--tls-key", certificate[1]]
        return self.add(Child("revoked-gateway", cpu, f"{BIN}/revoked-gateway", "--listen", "127.0.0.1:0", "--threads", "1",
                              "--engine", engine.url, "--engine-key-file", engine.master_key_file, *options,
                              ready="is ready on", log=self.new_path("gateway.log")))

    def redis(self, cpu=LOAD_CPU, append_only=False, directory=None):
        """With append_only changes are appended to a file that is synced once a second, otherwise nothing is stored."""
        directory = directory or self.new_path("redis")
        os.makedirs(directory, exist_ok=True)
        path = f"{directory}/s"
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
        redis = self.add(Child("redis-server", cpu, "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                               "--appendonly", "yes" if append_only else "no", "--appendfsync", "everysec",
                               "--dir", directory, "--rdbcompression", "yes"))
        redis.directory, redis.socket, redis.url = directory, path, f"unix://{path}"
        redis.wait_until(lambda: redis_cli(redis, "PING") == "PONG")
        return redis

    def nginx(self, location, certificate=None):
        tls = (f"ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]}; ssl_protocols TLSv1.2 TLSv1.3;"
               if certificate else "")
        port = free_port()
        path = self.new_path("nginx")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""worker_processes 1; daemon off; pid {path}.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {path}.body; proxy_temp_path {path}.proxy; fastcgi_temp_path {path}.fastcgi;
  uwsgi_temp_path {path}.uwsgi; scgi_temp_path {path}.scgi;
  server {{ listen 127.0.0.1:{port} reuseport{' ssl' if tls else ''}; {tls} location / {{ {location} }} }} }}
""")
        return self._listening(Child("nginx", SERVER_CPU, "nginx", "-c", path, "-p", self.directory), port,
                               "https" if tls else "http")

    def webdis(self, redis):
        need("webdis", "webdis")
        port = free_port()
        path = self.new_path("webdis")
        with open(path, "w", encoding="ascii") as file:
            json.dump({"redis_host": redis.socket, "http_host": "127.0.0.1", "http_port": port, "threads": 1,
                       "pool_size": 20, "daemonize": False, "verbosity": 0, "logfile": "/dev/null"}, file)
        return self._listening(Child("webdis", SERVER_CPU, "webdis", path), port)

    def node(self, redis, master_key):
        install_node_peer()
        return self.add(Child("node", SERVER_CPU, "node", f"{NODE_DIRECTORY}/server.mjs", "0", redis.socket, master_key,
                              environment={"NODE_ENV": "production"}, ready="is ready on"))

    def _listening(self, child, port, scheme="http"):
        self.add(child)
        child.wait_until(lambda: accepts(port))
        child.url = f"{scheme}://127.0.0.1:{port}"
        return child


def redis_cli(redis, *arguments, **options):
    return subprocess.run(["taskset", "-c", LOAD_CPU, "redis-cli", "-s", redis.socket, *map(str, arguments)],
                          capture_output=True, text=True, check=False, **options).stdout.strip()


def redis_pipe(redis, source):
    """Pipes commands to redis-cli --pipe; returns the seconds."""
    began = time.monotonic()
    output = redis_cli(redis, "--pipe", stdin=source)
    if "errors: 0" not in output:
        raise Failed(f"redis-cli --pipe printed {output!r}")
    return time.monotonic() - began


def need(program, *packages):
    """Installs the program if possible; otherwise the item is skipped."""
    if not shutil.which(program):
        subprocess.run(["tools/install-dependencies", *packages], check=False)
    if not shutil.which(program):
        raise Skip(f"{program} is not installed")


def install_node_peer():
    need("node", "nodejs")
    need("npm", "npm")
    os.makedirs(NODE_DIRECTORY, exist_ok=True)
    is_same = True
    for name in ("package.json", "package-lock.json", "server.mjs"):
        source, target = f"tools/comparison/node/{name}", f"{NODE_DIRECTORY}/{name}"
        with open(source, "rb") as file:
            content = file.read()
        if not os.path.exists(target) or open(target, "rb").read() != content:
            is_same = False
            shutil.copyfile(source, target)
    if is_same and os.path.isdir(f"{NODE_DIRECTORY}/node_modules"):
        return
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=NODE_DIRECTORY,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(f"{NODE_DIRECTORY}/node_modules", ignore_errors=True)
        raise Skip("npm could not install fastify and ioredis")
