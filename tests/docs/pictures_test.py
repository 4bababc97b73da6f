"""pictures_test.py BIN_DIRECTORY [FOLDER]: what revokectl shows on a terminal: status, a revocation with its gateways one by
one, tail, and an import under way. With a folder, as pictures in it: `pictures_test.py build/release/bin docs/pictures`."""
import pathlib
import re
import sys
import unittest
import xml.dom.minidom

import docs_test
import terminal
from docs_test import Installation, Program

PROMPT = "$ "
FOLDER = None


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.at = Installation()
        cls.addClassCleanup(cls.at.stop)
        cls.environment = cls.at.environment | {"REVOKECTL_KEY_FILE": "data/master.key"}
        for name in "fra-1", "iad-1", "syd-1":
            key = cls.at.ask("POST", "/v1/keys", {"permissions": ["gateway"]})["secret"]
            (cls.at.directory / f"{name}.key").write_text(key)
            gateway = Program(["revoked-gateway", "--name", name, "--listen", "127.0.0.1:0", "--engine-key-file", f"{name}.key"],
                              cls.at.directory, cls.at.environment)
            cls.addClassCleanup(gateway.stop)
        cls.at.gateway.stop()  # it has the machine's name
        while {gateway["name"] for gateway in cls.at.ask("GET", "/v1/gateways")["gateways"]} != {"fra-1", "iad-1", "syd-1"}:
            pass

    def show(self, name, command, wanted=None):
        """Runs the command on a terminal; draws the end, or the first screen that is `wanted`, below the command line."""
        drawn_lines = []

        def look(screen):
            if wanted and not drawn_lines and wanted(screen.text()):
                drawn_lines.extend(list(line) for line in screen.lines)

        code, screen = terminal.run(["bash", "-c", command], self.at.directory, self.environment, look)
        picture = terminal.Screen()
        picture.feed(PROMPT + command + "\n")
        picture.lines[0][:1] = [("$", "prompt")]
        picture.lines = picture.lines[:-1] + (drawn_lines or screen.lines)
        drawn = picture.svg()
        xml.dom.minidom.parseString(drawn)
        self.assertLess(len(drawn), 20_000)
        if FOLDER:
            (FOLDER / f"{name}.svg").write_text(drawn)
        return code, screen.text()

    def test_status(self):
        code, text = self.show("status", "revokectl status")
        self.assertEqual(code, 0, text)
        self.assertRegex(text, r"(?m)^ok +engine http://127.0.0.1:7385 +ready")
        self.assertIn("3 of 3 current", text)

    def test_revocation(self):
        self.at.ask("POST", "/v1/keys", {"user": "ann"})
        code, text = self.show("revoke", 'revokectl revoke --user ann --reason "laptop stolen" --wait 5')
        self.assertEqual(code, 0, text)
        for name in "fra-1", "iad-1", "syd-1":
            # As it enforced, and in the table.
            self.assertRegex(text, rf"(?m)^{name}  applied(  [0-9.]+ ms)?$")
            self.assertRegex(text, rf"(?m)^{name} +applied +[0-9-]+ [0-9:]+ +[0-9.]+$")

    def test_tail(self):
        begin = self.at.ask("GET", "/v1/invalidations")["position"]
        ids = [self.at.ask("POST", "/v1/keys", {"user": user, "workspace": "acme"})["key_id"] for user in ("ann", "bob", "cem")]
        self.at.ask("DELETE", f"/v1/keys/{ids[0]}?reason=leaked")
        self.at.ask("POST", f"/v1/keys/{ids[1]}/suspend", {"reason": "odd traffic"})
        self.at.ask("PUT", "/v1/users/cem/lock", {"reason": "incident"})
        self.at.ask("DELETE", "/v1/workspaces/acme/keys?reason=offboarding")
        code, text = self.show("tail", f"revokectl tail --after {begin} --count 4")
        self.assertEqual(code, 0, text)
        for verb in "key.revoked", "key.suspended", "owner.locked", "owner.revoked":
            self.assertRegex(text, rf"(?m)^[0-9-]+ [0-9:]+  {verb} ")

    def test_import(self):
        count = 1_500_000  # takes longer than the time before the first rate
        lines = "".join(f'{{"key_id":"k{i}","secret":"imported-secret-{i}"}}\n' for i in range(count))
        (self.at.directory / "keys.ndjson").write_text(lines)
        frames = []

        def is_half_done(text):
            frames.append(text.split("\n")[-1])
            return re.search(r" (4[5-9]|5[0-9]) %", frames[-1]) and "left" in frames[-1]

        code, text = self.show("import", "revokectl import keys.ndjson", is_half_done)
        self.assertEqual(code, 0, text)
        self.assertIn(f"{count} created", text)
        self.assertTrue(any("left" in frame and "/s" in frame and "[#" in frame for frame in frames), frames)


if __name__ == "__main__":
    docs_test.enter_namespace()
    docs_test.BIN = pathlib.Path(sys.argv.pop(1)).resolve()
    if len(sys.argv) > 1:
        FOLDER = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
