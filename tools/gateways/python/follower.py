"""Follows an engine's stream of invalidations and caches its decisions (docs/protocol.md), with nothing but Python. A gap
is read again from where it began. All else that does not continue what came before (a new epoch, another journal, an
unknown event, an unreadable message) empties the cache. It sends no reports: receipts do not count it."""
import hashlib, http.client, json, logging, threading, time, urllib.request
from datetime import datetime

LEASE, RELATE_EVERY, MAX_SKEW = 3.0, 30.0, 0.05  # seconds
MAX_ENTRIES, MAX_LINE_BYTES = 100_000, 2 << 20
KNOWN = {"key.revoked", "key.suspended", "key.changed", "owner.revoked", "owner.locked", "owner.unlocked"}
SCOPES = ("key_id", "user", "application", "workspace")
now = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)  # cannot be set, and goes on during a suspension
unix = lambda text: datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
digest_of = lambda secret: hashlib.sha256(secret.encode()).hexdigest()
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

class Follower:  # thread-safe
    def __init__(self, engine, key, lease=LEASE):  # the key has permission `gateway`
        self.engine, self.lease = engine, lease
        self.headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
        self.lock, self.lease_end, self.wall = threading.RLock(), 0.0, 0.0  # guards what changes
        self.begin("", 0, 0)
        threading.Thread(target=self.follow, daemon=True).start()

    def check(self, secret):  # the engine's decision; its state may also be `stale` or `unavailable`
        for _ in range(5):
            if found := self.cached(secret): return found
            try: answer = self.ask(secret)
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                return {"state": "unknown" if getattr(error, "code", 0) == 400 else "unavailable"}
            with self.lock:
                if now() < self.lease_end and self.covers(answer):
                    self.decisions.pop(answer["secret_sha256"], None)  # it may allow what this answer denies
                    keep = self.complete and answer["state"] in ("active", "revoked")
                    if keep: self.decisions[answer["secret_sha256"]] = answer
                    return self.at_this_time(answer)
            time.sleep(0.02)  # an event has overtaken the answer
        return {"state": "unavailable"}

    def cached(self, secret):  # None: ask the engine
        with self.lock:
            if now() >= self.lease_end: return {"state": "stale"}
            found = self.decisions.get(digest_of(secret))
            return self.at_this_time(found) if found and self.complete and self.covers(found) else None

    def covers(self, decision):  # every applied event that concerns it
        epoch, sequence = map(int, decision["as_of"].split("-"))
        since = max(self.floor, *(self.marks.get((scope, decision.get(scope)), 0) for scope in SCOPES))
        return (decision["journal"], epoch) == (self.journal, self.epoch) and sequence >= since

    def at_this_time(self, decision):  # by the engine's clock
        ends = decision["state"] == "active" and decision["expires_at"]
        return {"state": "expired"} if ends and now() + self.wall >= unix(ends) else decision

    def open(self, path, timeout, body=None, headers={}):
        return direct.open(urllib.request.Request(self.engine + path, body, self.headers | headers), timeout=timeout)

    def ask(self, secret):
        question = json.dumps({"secret": secret}).encode()
        with self.open("/v1/keys/verify?echo=secret_sha256", 2, question) as response:
            answer = json.load(response)
        if answer["secret_sha256"] != digest_of(secret): raise ValueError("the answer to another question")
        return answer

    def follow(self):
        while True:
            try: self.read_stream()
            except Exception as error:
                is_lost = isinstance(error, (OSError, http.client.HTTPException))
                if not is_lost or getattr(error, "code", 0) == 410: self.begin("", 0, 0)
                logging.getLogger(__name__).warning("the engine's stream was lost: %s", error)
                time.sleep(min(max(now() - self.lease_end, 0.05), 1))

    def read_stream(self):
        headers = {"Accept": "text/event-stream"}
        if self.journal: headers["Last-Event-ID"] = f"{self.epoch}-{self.sequence}-{self.journal}"
        asked, boot = now(), None  # boot: when the engine's `up` was 0, or before
        with self.open("/v1/invalidations", 2.5, None, headers) as stream:
            while now() < asked + RELATE_EVERY:
                line = stream.readline(MAX_LINE_BYTES)
                if not line.endswith(b"\n"): raise ConnectionError("ended, or too long a line")
                if line.startswith(b"data:"):
                    with self.lock: boot = self.receive(json.loads(line[5:]), asked, boot)

    def receive(self, message, asked, boot):
        self.apply(message)
        is_proof = message["first"] == message["last"] + 1 == self.sequence + 1  # a heartbeat, sent after we asked
        if not is_proof: return boot
        if boot is not None and now() >= self.lease_end: raise ConnectionError("may be as old as our pause")
        boot = asked - message["up"] / 1000 if boot is None else boot
        sent = boot + message["up"] / 1000
        if sent > now() + MAX_SKEW: raise ConnectionError("a clock was changed")
        self.complete, self.lease_end = True, max(self.lease_end, sent + self.lease)
        self.wall = unix(message["at"]) - sent
        return boot

    def begin(self, journal, epoch, sequence):  # with an empty cache; no answer from before is accepted
        with self.lock:
            self.journal, self.epoch, self.sequence, self.floor = journal, epoch, sequence, sequence
            self.decisions, self.marks, self.complete = {}, {}, False

    def apply(self, message):
        journal, epoch, first, last = (message[name] for name in ("journal", "epoch", "first", "last"))
        if epoch > self.epoch: return self.begin(journal, epoch, last)
        if (epoch, journal) != (self.epoch, self.journal): raise ConnectionError("another history")
        for event in message["events"]:
            if event["type"] not in KNOWN: return self.begin(journal, epoch, last)
            # Of an owner within others, all keys: those that it does not concern cost a question.
            mark = ("key_id", event["key_id"]) if "key_id" in event else (event["scope"], event["id"])
            self.marks[mark] = max(event["sequence"], self.marks.get(mark, 0))
        self.complete = self.complete and first <= self.sequence + 1
        if first > self.sequence + 1: raise ConnectionError("events are missing")
        self.sequence = max(self.sequence, last)
        if len(self.marks) + len(self.decisions) > MAX_ENTRIES: self.begin(journal, epoch, self.sequence)
