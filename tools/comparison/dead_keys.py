"""Forgotten keys (revoked and removed from memory): the cost of ten per active key, compared to none."""
import subprocess
import time

from comparison import load
from comparison.figures import figure, result
from comparison.many_keys import settled_bytes
from comparison.processes import Failed
from comparison.workplace import Workplace

FORGET_AFTER = "1s"
WAVES_A_LIVING = 4      # keys are created, revoked and forgotten in waves of a quarter of the active keys
LIMIT_S = 300           # until a wave is forgotten
CREATED = 100_000       # keys per round
READ_RATE = 20           # pages a second
READ_SECONDS = 10
DECIDED_KEYS = 200_000


def secret_of(number):
    done = subprocess.run(load.command("lines", "--line", "{secret}", "--first", number, "--count", 1),
                          capture_output=True, text=True, check=True)
    return done.stdout.strip()


def wait_until_forgotten(engine, number):
    secret = secret_of(number)
    end = time.monotonic() + LIMIT_S
    while load.ask(engine, "POST", "/v1/keys/verify", {"secret": secret})["state"] != "unknown":
        if time.monotonic() > end:
            raise Failed(f"key {number} is not forgotten after {LIMIT_S} s")
        time.sleep(0.1)


class Side:
    def __init__(self, place, living):
        self.place, self.living = place, living
        self.engine = place.engine(options=self.options())
        load.import_keys(self.engine, 0, living)
        self.engine.wait_until_idle()
        self.made = living
        self.starts, self.decisions, self.creations = [], [], []

    @staticmethod
    def options():
        return ["--forget-after", FORGET_AFTER, "--max-keys-per-workspace", "0"]

    def make_dead(self, settings, count):
        wave = self.living // WAVES_A_LIVING
        for number in range(count // wave):
            settings.tell(f"{number * wave:,} of {count:,} keys are revoked and forgotten")
            load.import_keys(self.engine, self.made, wave)
            load.send_lines(self.engine, "/v1/revocations", '{"key_id":"{uuid}"}\n', self.made, wave)
            self.made += wave
            wait_until_forgotten(self.engine, self.made - 1)
        self.engine.wait_until_idle()

    def start_again(self):
        self.place.stop(self.engine)
        self.engine = self.place.engine(data=self.engine.data, options=self.options())
        self.starts.append(self.engine.ready_after_s)

    def take(self, seconds):
        self.decisions.append(load.http(
            self.engine, *load.authorization(self.engine.master_key), "--method", "POST", "--path", "/v1/keys/verify",
            "--body", '{"secret":"{secret}"}', seconds=seconds, cycle=min(DECIDED_KEYS, self.living))["per_second"])
        self.creations.append(CREATED / load.import_keys(self.engine, self.made, CREATED))
        self.made += CREATED
        self.engine.wait_until_idle()

    def p99_of(self, path, first):
        answer = load.http(self.engine, *load.authorization(self.engine.master_key), "--path", path, seconds=READ_SECONDS,
                           rate=READ_RATE, first=first)
        return answer["latency"]["p99_us"] / 1000


def measure_dead(settings):
    living, dead = settings.scaled(2_000_000), settings.scaled(20_000_000)
    with Workplace() as place:
        with_dead, without = Side(place, living), Side(place, living)
        with_dead.make_dead(settings, dead)
        for number in range(settings.heavy_rounds):
            settings.tell_round(number, settings.heavy_rounds)
            for side in (with_dead, without):
                side.start_again()
        memory = [settled_bytes(side.engine) / 2**20 for side in (with_dead, without)]
        for number in range(settings.rounds):
            settings.tell_round(number)
            for side in (with_dead, without):
                side.take(settings.seconds)
        events = int(load.ask(with_dead.engine, "GET", "/v1/invalidations")["position"].split("-")[1])
        audit = with_dead.p99_of("/v1/audit?key_id={uuid}", living)
        owned = with_dead.p99_of("/v1/keys?user=u{n%1000000:7}", living)
    beside = f"{living:,} active keys, none forgotten"
    both = f"{living:,} active and {dead:,} forgotten keys"
    return result(
        "Forgotten keys",
        [figure(f"memory after a start with {both}", "MiB", memory[:1], memory[1:], beside),
         figure("start with them", "s", with_dead.starts, without.starts, beside),
         figure("`POST /v1/keys/verify` of active keys", "requests/s", with_dead.decisions, without.decisions, beside),
         figure(f"import of {CREATED:,} keys", "keys/s", with_dead.creations, without.creations, beside),
         figure(f"p99 of a forgotten key's audit trail among {events:,} events ({READ_RATE} a second)", "ms", [audit],
                goals=[("value", "≤", 20)]),
         figure("p99 of the list of a user's keys among them", "ms", [owned], goals=[("value", "≤", 20)])])
