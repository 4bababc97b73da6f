"""A journal that engines share in PostgreSQL with a synchronous standby, compared to PostgreSQL deleting rows."""
import os
import re
import secrets
import subprocess
import urllib.error

from comparison import load
from comparison.figures import figure, result
from comparison.processes import LOAD_CPU, SERVER_CPU, Child, Failed, Skip, free_port, pinned
from comparison.propagation import Keys, watch
from comparison.workplace import Workplace
from postgres_pair import NotInstalled, PostgresPair

BOTH_CPUS = f"{SERVER_CPU},{LOAD_CPU}"
ROWS = 3_000_000
RATE = 500
FIRST_GUESS = 40_000  # revocations a second
DELETE_ROW = f"\\set id random(1, {ROWS})\nDELETE FROM comparison WHERE id = :id;\n"


def is_ready(engine):
    try:
        return bool(load.ask(engine, "GET", "/readyz"))
    except urllib.error.HTTPError:
        return False


class Cluster(Workplace):
    """A primary and a standby, which would be on another machine."""

    def __init__(self, primary_cpu, standby_cpu):
        super().__init__()
        os.chmod(self.directory, 0o711)  # the user postgres must reach its folders
        try:
            self.databases = PostgresPair([self.new_path("database") for _ in range(2)], [free_port(), free_port()])
        except NotInstalled as reason:
            raise Skip(reason) from None
        self.databases.start(lambda name, *command: self.add(Child(name, primary_cpu if name == "database-1" else standby_cpu, *command)),
                             lambda condition: self.started[-1].wait_until(condition))
        with open(f"{self.directory}/master.key", "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
        os.chmod(file.name, 0o600)
        self.master_key_file = file.name

    def member(self, cpu):
        engine = self.engine(cpu=cpu, options=["--journal", self.databases.url], master_key_file=self.master_key_file)
        engine.wait_until(lambda: is_ready(engine))
        return engine

    def prepare_rows(self):
        self.databases.execute(f"CREATE TABLE comparison AS SELECT generate_series(1, {ROWS}) AS id")
        self.databases.execute("ALTER TABLE comparison ADD PRIMARY KEY (id)")
        self.script = self.new_path("delete.sql")
        with open(self.script, "w", encoding="ascii") as file:
            file.write(DELETE_ROW)

    def rows_deleted_per_second(self, seconds):
        done = subprocess.run(pinned(LOAD_CPU, f"{self.databases.programs}/pgbench", "-h", "127.0.0.1", "-p", self.databases.ports[0], "-U", "revoked", "-n",
                                     "-c", load.CONNECTIONS, "-j", 1, "-T", max(1, round(seconds)), "-M", "prepared", "-f",
                                     self.script, "postgres"), capture_output=True, text=True, check=False)
        found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
        if not found:
            raise Failed(f"pgbench: {done.stderr.strip()}")
        return float(found.group(1))


def ids_per_second(settings):
    rounds = []
    with Cluster(BOTH_CPUS, BOTH_CPUS) as place:
        leader = place.member(BOTH_CPUS)
        keys = Keys(leader)
        count = settings.scaled(1_000_000)
        for number in range(settings.heavy_rounds):
            settings.tell_round(number, settings.heavy_rounds)
            first = keys.take(count)
            answer, seconds = load.send_lines(leader, "/v1/revocations", '{"key_id":"{uuid}"}\n', first, count)
            if answer["revoked"] != count:
                raise Failed(f"{answer['revoked']} of {count} keys were revoked")
            rounds.append(count / seconds)
    return rounds


def measure_cluster(settings):
    singles, rows, passed_on, denials = [], [], [], []
    bulk = ids_per_second(settings)
    with Cluster(SERVER_CPU, LOAD_CPU) as place:
        place.prepare_rows()
        leader = place.member(SERVER_CPU)
        keys = Keys(leader)
        wanted = FIRST_GUESS
        for number in range(settings.rounds):
            settings.tell_round(number)
            first = keys.take(int(wanted * settings.seconds))
            singles.append(load.http(leader, *load.authorization(leader.master_key), seconds=settings.seconds, method="DELETE",
                                     path="/v1/keys/{uuid}", first=first, count=keys.next - first)["per_second"])
            rows.append(place.rows_deleted_per_second(settings.seconds))
        follower = place.member(LOAD_CPU)
        for _ in range(settings.rounds):
            first = keys.take(int(FIRST_GUESS * settings.seconds))
            passed_on.append(load.http(follower, *load.authorization(leader.master_key), seconds=settings.seconds, method="DELETE",
                                       path="/v1/keys/{uuid}", first=first, count=keys.next - first)["per_second"])
        gateway = place.gateway(follower, None, LOAD_CPU)
        for _ in range(settings.rounds):
            denials.append(watch(leader, gateway, keys, RATE, settings.seconds)["denial"])
    return result(
        "Several engines on one journal in PostgreSQL, with a synchronous standby",
        [figure("`DELETE` of one key", "requests/s", singles, rows, "`pgbench`, `DELETE` of one row", [("ratio", "≥", 3.0)],
                headline=True),
         figure("the same at an engine that follows, which passes it on", "requests/s", passed_on),
         figure(f"{settings.scaled(1_000_000):,} ids as NDJSON in one request", "ids/s", bulk, goals=[("value", "≥", 500_000)]),
         figure("from sending a `DELETE` to the first denial at a gateway of another engine, p50", "ms",
                [each["p50_us"] / 1000 for each in denials], goals=[("value", "≤", 2.0)], headline=True),
         figure("the same, p99", "ms", [each["p99_us"] / 1000 for each in denials])],
        [f"{load.CONNECTIONS} connections for both, at one PostgreSQL with the same settings. The primary and the engine "
         "that leads share a processor; the standby and the load the other one, with an engine that follows where it is asked "
         f"and its gateway where the denial is measured, of {RATE} `DELETE`s a second. In bulk all servers share both processors."])
