"""docs_test.py BIN_DIRECTORY: every command that README.md and docs/ show works.

Each page's blocks of commands (```sh) run in their order in one shell, beside an engine and a gateway at the addresses
that the pages name. So that these are free whatever else runs, the test is in a network namespace of its own. A block that
cannot run here is listed below with the reason."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]
ENGINE, GATEWAY = "http://127.0.0.1:7385", "http://127.0.0.1:7386"

# Page: {what the block begins with: why it is not run}.
NOT_RUN = {
    "README.md": {"tools/run": "ToolsRun runs it; tools/test runs this"},
    "docs/incident.md": {"": "IncidentPage runs it, and compares what it prints"},
    "docs/library.md": {"tools/build": "LibraryExamples compiles and links against the library"},
    "docs/packages.md": {"sudo apt install": "tests/packaging/run installs the packages", "docker": "needs a Docker engine"},
}
# Programs that others make and Debian does not have: each prints a report of the file `leaked`.
SCANNERS = {
    "gitleaks": """while [ $# -gt 1 ]; do [ "$1" != --report-path ] || report=$2; shift; done
jq -Rs '[split("\\n")[] | select(. != "") | {RuleID: "generic-api-key", Secret: ., File: "a.env", StartLine: 1}]' leaked >"$report"
""",
    "trufflehog": """jq -Rc '{DetectorName: "Generic", Raw: .}' leaked\n""",
}


def blocks_of(page):
    """The blocks of commands, without their indentation."""
    found = re.findall(r"^( *)```sh\n(.*?)^ *```", (ROOT / page).read_text(), re.S | re.M)
    return [re.sub(rf"^{indent}", "", block, flags=re.M) for indent, block in found]


def is_run(page, block):
    return not any(block.startswith(beginning) for beginning in NOT_RUN.get(page, {}))


class Program:
    """A program that is stopped at the end. It has printed that it is ready."""

    def __init__(self, command, directory, environment):
        self.log = open(directory / f"{command[0]}.log", "ab")
        self.process = subprocess.Popen(command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline().decode()
        assert " is ready on " in line, f"{command}: {line}{(directory / (command[0] + '.log')).read_text()}"

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()
        self.log.close()


class Installation:
    """A directory with an engine's data, keys and programs, as the pages assume it."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="revoked-docs-")
        self.directory = pathlib.Path(self.temporary.name)
        folder = self.directory / "scanners"
        folder.mkdir()
        for name, script in SCANNERS.items():
            (folder / name).write_text("#!/bin/sh\n" + script)
            (folder / name).chmod(0o755)
        (self.directory / ".config/revoked").mkdir(parents=True)
        self.environment = {"PATH": f"{BIN}:{folder}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.directory), "LANG": "C.UTF-8"}
        self.engine = Program(["revoked"], self.directory, self.environment)
        self.master_key = (self.directory / "data/master.key").read_text().strip()
        gateway_key = self.ask("POST", "/v1/keys", {"permissions": ["gateway"]})["secret"]
        (self.directory / "gateway.key").write_text(gateway_key)
        self.gateway = Program(["revoked-gateway", "--engine-key-file", "gateway.key"], self.directory, self.environment)

    def ask(self, method, path, body=None):
        request = urllib.request.Request(ENGINE + path, method=method, data=json.dumps(body).encode() if body else None,
                                         headers={"Authorization": f"Bearer {self.master_key}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def stop(self):
        self.gateway.stop()
        self.engine.stop()
        self.temporary.cleanup()

    def fill_in(self, block):
        """With a value for each word in capitals that stands for one."""
        key = self.ask("POST", "/v1/keys", {"user": "ann", "workspace": "acme"})
        (self.directory / "leaked").write_text(key["secret"] + "\n")
        (self.directory / "leaked.txt").write_text(key["secret"] + "\n")
        values = {r"\bKEY_ID\b": key["key_id"], r"\b3-1042\b": key["position"], r"--engine-key-file FILE\b": "--engine-key-file gateway.key",
                  r"rvk_…": key["secret"]}
        for word, value in values.items():
            block = re.sub(word, value, block)
        return block

    def run(self, block):
        """What the block prints. A last line that starts a program runs until the program is ready."""
        lines = self.fill_in(block).rstrip().split("\n")
        begins_program = re.match(r"(revoked|revoked-gateway) ", lines[-1])
        if begins_program:
            program = lines.pop()
            # Beside the ones that are running.
            program = program.split("    #")[0]
            for option, value in ("--listen", "127.0.0.1:0"), ("--data-dir", "of-its-own"):
                if option not in program and (option == "--listen" or program.startswith("revoked ")):
                    program += f" {option} {value}"
            lines.append(f"{program} >ready & started=$!")
            lines += ["for i in $(seq 500); do ! grep -q 'is ready' ready || break; kill -0 $started; sleep 0.02; done",
                      "grep 'is ready' ready", "kill $started", "wait $started"]
        environment = self.environment | {"ENGINE": ENGINE, "OPERATOR": self.master_key, "engine": ENGINE,
                                          "gateway": GATEWAY, "key": f"Authorization: Bearer {self.master_key}",
                                          "REVOKECTL_KEY_FILE": str(self.directory / "data/master.key")}
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(lines)], cwd=self.directory, env=environment,
                              stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=60)
        return done.returncode, done.stdout + done.stderr


class Pages(unittest.TestCase):
    def test_all_commands_work(self):
        pages = ["README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md"))]
        count = 0
        installation = Installation()
        self.addCleanup(installation.stop)
        for page in pages:
            for block in blocks_of(page):
                if not is_run(page, block):
                    continue
                count += 1
                with self.subTest(page=page, block=block):
                    code, output = installation.run(block)
                    self.assertEqual(code, 0, f"{page}:\n{block}\nprinted\n{output}")
                    # curl exits with 0 after an error of the engine.
                    self.assertNotRegex(output, r"urn:revoked:problem|^HTTP/1.1 [45]", block)
        self.assertGreater(count, 8)

    def test_what_is_not_run_is_there(self):
        for page, reasons in NOT_RUN.items():
            for beginning in reasons:
                self.assertTrue(any(block.startswith(beginning) for block in blocks_of(page)), f"{page}: {beginning}")

    def test_commands_are_in_blocks_that_are_run(self):
        """Not indented, or in blocks of another kind."""
        program = re.compile(r"^(?:\$ )?(?:revoked|revoked-gateway|revokectl|curl|openssl) ")
        for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
            text = re.sub(r"^ *```sh\n.*?^ *```", "", page.read_text(), flags=re.S | re.M)
            text = re.sub(r"^```(text|console)\n.*?^```", "", text, flags=re.S | re.M)
            for line in text.split("\n"):
                self.assertIsNone(program.match(line.strip()) if line.startswith(("    ", "```")) else None, f"{page.name}: {line}")


def enter_namespace():
    """Starts this program again in a network namespace whose loopback has the addresses and names that the pages use."""
    if os.environ.get("REVOKED_DOCS_NAMESPACE") is not None:
        return
    os.environ["REVOKED_DOCS_NAMESPACE"] = "1"
    script = ('hosts=$(mktemp); { cat /etc/hosts; echo "10.0.0.5 engine.internal"; } >"$hosts"; mount --bind "$hosts" /etc/hosts; '
              'rm "$hosts"; ip link set lo up; ip address add 10.0.0.5/32 dev lo; exec "$@"')
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    os.execvp("unshare", ["unshare", *as_root, "--net", "--mount", "sh", "-c", script, "sh", sys.executable, "-B", *sys.argv])


if __name__ == "__main__":
    enter_namespace()
    BIN = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
