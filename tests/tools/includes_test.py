"""What each folder of the sources may include. See CONTRIBUTING.md."""
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
    "cache/wire": ["engine/model"],
    "cache/bus": ["cache/wire"],
    "cache/feed": ["cache/bus", "engine"],
    "cache/edge": ["cache/bus"],
    "net/http": ["cache/wire"],
    "net/auth": ["net/http", "engine"],
    "net/api": ["net/auth", "cache/feed"],
    "net/dialects": ["net/api"],
    "net/check": ["net/http", "cache/edge"],
    "tools/programs": ["net/dialects", "net/check"],
    "tools/load": ["engine/base", "tools/programs"],
}
LIBRARIES = {"rocksdb/": ["engine/index/rocksdb_index.cpp"], "zstd.h": ["engine/log/packed_blocks.cpp"],
             "hiredis/": ["cache/bus/redis.cpp", "cache/bus/resp.cpp"]}


def reach(room):
    return {room}.union(*(reach(used) for used in USES[room]))


def room_of(path):
    """The folder that a path of a file from the root is in, as USES names it."""
    parts = path.split("/")
    return "/".join(parts[:2]) if "/".join(parts[:2]) in USES else parts[0]


def includes():
    for folder in ("engine", "cache", "net", "tools"):
        for file in sorted((ROOT / folder).rglob("*.?pp")):
            for line in re.findall(r'^#include ["<](.*)[">]', file.read_text(), re.M):
                yield str(file.relative_to(ROOT)), line


class Includes(unittest.TestCase):
    def test_each_room_includes_only_what_it_may(self):
        seen = set()
        for file, included in includes():
            if included.split("/")[0] not in USES:
                continue
            room, used = room_of(file), room_of(included)
            seen.add((room, used))
            self.assertIn(used, reach(room), f"{file} includes {included}")
        self.assertGreater(len(seen), 20)

    def test_a_library_has_its_files(self):
        for file, included in includes():
            for library, files in LIBRARIES.items():
                if included.startswith(library):
                    self.assertIn(file, files, f"includes {included}")


if __name__ == "__main__":
    unittest.main()
