"""A PostgreSQL and its synchronous standby on loopback, for tools/cluster and tools/compare.

PostgreSQL does not run as root: run by root, it is of the user `postgres`, who must be able to reach the folders."""
import glob
import os
import subprocess

USER = "revoked"  # the superuser; there is no password


class NotInstalled(Exception):
    pass


class PostgresPair:
    """`folders` and `ports`: of the primary and of the standby. What is in the folders already is used again."""

    def __init__(self, folders, ports):
        versions = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
        if not versions:
            raise NotInstalled("PostgreSQL is not installed")
        self.programs, self.folders, self.ports = versions[-1], list(map(str, folders)), ports
        self.as_user = []
        for folder in self.folders:
            os.makedirs(folder, exist_ok=True)
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "postgres", *self.folders], check=True)
            self.as_user = ["env", "-C", "/", "setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups",
                            "--pdeathsig", "INT"]

    @property
    def url(self):
        return f"postgresql://{USER}@" + ",".join(f"127.0.0.1:{port}" for port in self.ports) + "/postgres"

    def start(self, serve, wait_for):
        """`serve(name, *command)` starts a process; `wait_for(condition)` returns once it is true."""
        primary, standby = (folder + "/data" for folder in self.folders)
        if not os.path.exists(primary + "/PG_VERSION"):
            self._run("initdb", "-D", primary, "-U", USER, "-A", "trust")
        self._serve(0, serve, wait_for)
        if not os.path.exists(standby + "/standby.signal"):
            self._run("pg_basebackup", "-D", standby, "-R", "-X", "stream", "-d",
                      f"postgresql://{USER}@127.0.0.1:{self.ports[0]}/postgres?application_name=standby")
        self._serve(1, serve, wait_for)
        self.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        self.execute("SELECT pg_reload_conf()")

    def execute(self, sql):
        """At the primary."""
        subprocess.run([f"{self.programs}/psql", "-q", "-h", "127.0.0.1", "-p", str(self.ports[0]), "-U", USER, "-d", "postgres",
                        "-c", sql], stdout=subprocess.DEVNULL, check=True)

    def _run(self, program, *arguments):
        done = subprocess.run([*self.as_user, f"{self.programs}/{program}", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(f"{program}: {done.stderr.strip()}")

    def _serve(self, number, serve, wait_for):
        folder, port = self.folders[number], str(self.ports[number])
        serve(f"database-{number + 1}", *self.as_user, f"{self.programs}/postgres", "-D", folder + "/data", "-p", port,
              "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}")
        wait_for(lambda: subprocess.run([f"{self.programs}/pg_isready", "-q", "-h", "127.0.0.1", "-p", port],
                                        check=False).returncode == 0)
