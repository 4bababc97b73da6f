"""Child processes: pinned to a processor, measured by their own CPU time and memory, stopped when this one ends."""
import os
import signal
import socket
import subprocess
import time

SERVER_CPU, LOAD_CPU = "0", "1"
START_LIMIT_S = 300


class Failed(Exception):
    """A measurement that failed; the text is one line for the user."""


class Skip(Exception):
    """A peer or a condition is missing; the item is skipped."""


def pinned(cpu, *command):
    # If this process is killed, the kernel stops the child.
    return ["taskset", "-c", cpu, "setpriv", "--pdeathsig", "TERM", *map(str, command)]


class Child:
    """A process in its own session, so that Ctrl-C reaches only this process, which stops it."""

    def __init__(self, name, cpu, *command, environment=None, ready=None, log=None):
        self.name = name
        self.url = None
        output = open(log, "ab") if log else subprocess.DEVNULL
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(pinned(cpu, *command), stdin=subprocess.DEVNULL, stderr=output,
                                        stdout=subprocess.PIPE if ready else subprocess.DEVNULL,
                                        env={**os.environ, **(environment or {})}, text=True, start_new_session=True)
        if log:
            output.close()
        if ready:
            try:
                line = self.process.stdout.readline()
                if ready not in line:
                    raise Failed(f"{name} did not become ready" + (f", its log: {log}" if log else ""))
                self.url = line.split()[-1]
            except BaseException:
                self.stop()
                raise
        self.ready_after_s = time.monotonic() - self.started_at

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def wait_until(self, condition, limit_s=START_LIMIT_S):
        end = time.monotonic() + limit_s
        while not condition():
            if self.process.poll() is not None:
                raise Failed(f"{self.name} exited unexpectedly")
            if time.monotonic() > end:
                raise Failed(f"{self.name} is not ready after {limit_s} s")
            time.sleep(0.005)
        self.ready_after_s = time.monotonic() - self.started_at

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        for number, limit_s in ((signal.SIGTERM, 60), (signal.SIGKILL, 10)):
            if self.process.poll() is None:
                self.process.send_signal(number)
            try:
                self.process.wait(limit_s)
                break
            except subprocess.TimeoutExpired:
                pass
        if self.process.stdout:
            self.process.stdout.close()

    def cpu_seconds(self):
        """User and system time of the process and its running children."""
        total = 0
        for pid in [self.process.pid, *self._children()]:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def wait_until_idle(self, limit_s=60):
        """Waits until background work is done, at most `limit_s`; a store that is never idle is measured as it is."""
        end = time.monotonic() + limit_s
        quiet = 0
        while quiet < 3 and time.monotonic() < end:
            before = self.cpu_seconds()
            time.sleep(0.1)
            quiet = quiet + 1 if self.cpu_seconds() - before <= 0.01 else 0

    def _children(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]

    def resident_bytes(self, line="VmRSS"):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for entry in file:
                if entry.startswith(line + ":"):
                    return int(entry.split()[1]) * 1024
        raise Failed(f"{self.name} has exited")

    def reset_peak(self):
        """Resets the peak that resident_bytes("VmHWM") returns."""
        with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")


def processor_seconds():
    """Seconds of all processors since boot: (busy, stolen by other guests of the host)."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, interrupts, soft_interrupts, stolen = map(int, file.readline().split()[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + interrupts + soft_interrupts) / tick, stolen / tick


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
