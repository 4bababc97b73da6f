"""What each folder of the sources may include, and that its README lists its files. See CONTRIBUTING.md."""
import fnmatch
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).parents[2]
# What a folder may include besides itself and what those may.
USES = {
    "engine/base": [],
    "engine/model": ["engine/base"],
    "engine/log": ["engine/model"],
    "engine/tables": ["engine/model"],
    "engine/journal": ["engine/log"],
    "engine/index": ["engine/log"],
    "engine": ["engine/tables", "engine/journal", "engine/index"],
    "engine/cluster": ["engine"],
    "cache/wire": ["engine/model"],
    "cache/bus": ["cache/wire"],
    "cache/feed": ["cache/bus", "engine/cluster"],
    "cache/webhooks": ["cache/feed"],
    "cache/edge": ["cache/bus"],
    "cache/library": ["cache/edge"],
    "net/http": ["cache/wire"],
    "net/openapi": ["net/http"],
    "net/auth": ["net/http", "engine"],
    "net/console": ["net/http"],
    "net/api": ["net/auth", "net/console", "net/openapi", "cache/feed", "cache/webhooks"],
    "net/dialects": ["net/api"],
    "net/check": ["net/openapi", "cache/edge"],
    "tools/programs": ["net/dialects", "net/check"],
    "tools/load": ["engine/base", "tools/programs"],
    "tools/ctl": ["tools/programs"],
}
SOURCES = ("engine", "cache", "net", "tools")
LIBRARIES = {"libpq": ["engine/log/postgres_connection.cpp"], "rocksdb/": ["engine/index/rocksdb_index.cpp"], "zstd.h": ["engine/log/packed_blocks.cpp"],
             "hiredis/": ["cache/bus/resp.cpp"],
             "simdjson": ["cache/bus/json_members.hpp", "cache/bus/message_encoder.cpp", "cache/edge/open_questions.cpp",
                          "net/http/json_reader.cpp", "tools/ctl/json_value.cpp"]}


def reach(room):
    return {room}.union(*(reach(used) for used in USES[room]))


def room_of(path):
    """The folder that a path of a file from the root is in, as USES names it."""
    parts = path.split("/")
    return "/".join(parts[:2]) if "/".join(parts[:2]) in USES else parts[0]


def includes():
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*.?pp")):
            for line in re.findall(r'^#include ["<](.*)[">]', file.read_text(), re.M):
                yield str(file.relative_to(ROOT)), line


def violation(file, included):
    """What is wrong with this include; nothing if it is allowed."""
    if included.split("/")[0] in SOURCES:
        room, used = room_of(file), room_of(included)
        if room not in USES:
            return f"{file} is in no room"
        if used not in reach(room):
            return f"{file} includes {included}"
    for library, files in LIBRARIES.items():
        if included.startswith(library) and file not in files:
            return f"{file} includes {included}"
    return None


class Includes(unittest.TestCase):
    def test_each_room_includes_only_what_it_may(self):
        found = [violation(file, included) for file, included in includes()]
        self.assertGreater(len(found), 1000)
        self.assertEqual([what for what in found if what], [])

    def test_each_room_lists_its_files(self):
        for room in USES:
            names = re.findall(r"`([a-z_*0-9]+)(?:\.cpp)?`", (ROOT / room / "README.md").read_text())
            for file in (ROOT / room).glob("*.?pp"):
                with self.subTest(f"{room}/README.md", file=file.name):
                    self.assertTrue(any(fnmatch.fnmatch(file.stem, name) for name in names))

    def test_every_other_include_is_noticed(self):
        for room in USES:
            for other in USES.keys() - reach(room):
                self.assertIsNotNone(violation(f"{room}/a.hpp", f"{other}/b.hpp"))
            self.assertIsNone(violation(f"{room}/a.hpp", f"{room}/b.hpp"))
            for library in LIBRARIES:
                self.assertIsNotNone(violation(f"{room}/a.cpp", library))
        self.assertIsNotNone(violation("cache/a.hpp", "engine/base/hex.hpp"))


if __name__ == "__main__":
    unittest.main()
