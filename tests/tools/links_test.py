"""links_test.py BUILD_DIRECTORY: the library of each room needs only symbols of the rooms that it may use.

A program links what its rooms use together, so the linker alone does not notice a room that calls another without an
include, or through a declaration of its own."""
import pathlib
import subprocess
import sys
import unittest

from includes_test import USES, reach

ROOMS = [room for room in USES if not room.startswith("tools/")]


def symbols(room):
    """Mangled names of the project's own namespace: those that the room's library defines, and those it needs."""
    name = "revoked_" + room.replace("/", "_")
    folder = room.split("/")[0]
    library = BUILD / folder / f"lib{name}.a"
    lines = subprocess.run(["nm", "--format=posix", library], check=True, text=True, capture_output=True).stdout
    words = [line.split()[:2] for line in lines.splitlines() if line.startswith("_Z") and "7revoked" in line]
    defined = {name for name, kind in words if kind != "U"}
    return defined, {name for name, kind in words if kind == "U"} - defined


class Links(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        found = {room: symbols(room) for room in ROOMS}
        cls.defined = {room: defined for room, (defined, _) in found.items()}
        cls.needed = {room: needed for room, (_, needed) in found.items()}

    def beyond(self, room, needed):
        """What is not of the rooms that `room` may use, but of another."""
        return needed & set().union(*(self.defined[other] for other in set(ROOMS) - reach(room)))

    def test_each_room_links_only_what_it_may(self):
        self.assertGreater(sum(map(len, self.needed.values())), 300)
        for room in ROOMS:
            with self.subTest(room):
                allowed = set().union(*(self.defined[used] for used in reach(room)))
                self.assertEqual(sorted(self.beyond(room, self.needed[room]) - allowed), [])

    def test_a_link_to_another_room_is_noticed(self):
        for room, needing in (("engine/base", "engine/log"), ("engine/tables", "engine"),
                              ("cache/edge", "cache/feed"), ("net/http", "net/api"), ("net/check", "net/dialects")):
            with self.subTest(room):
                self.assertTrue(self.beyond(room, self.needed[needing]))

    def test_the_gateways_library_shows_only_its_functions(self):
        library = BUILD / "lib/librevoked-gateway.so.0"
        lines = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", library], check=True, text=True,
                               capture_output=True).stdout
        shown = {line.split("@")[0].split()[0] for line in lines.splitlines() if line.split()[1] != "A"}
        self.assertEqual(shown, {f"revoked_{name}" for name in ("open", "check", "watch", "status", "close")})


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1))
    unittest.main()
