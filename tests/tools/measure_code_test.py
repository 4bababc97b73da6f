"""What tools/measure-code finds in a tree."""
import importlib.machinery
import importlib.util
import pathlib
import shutil
import tempfile
import unittest

TOOL = str(pathlib.Path(__file__).parents[2] / "tools/measure-code")
loader = importlib.machinery.SourceFileLoader("measure_code", TOOL)
measure_code = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(measure_code)

STEPS = [f"  step({number});" for number in range(6)]
TREE = {
    "engine/base/hex.hpp": '#include <string>\n#include "engine/base/error.hpp"\n',
    "engine/base/error.hpp": "int error();\n",
    "engine/log/log.cpp": "\n".join(
        ['#include "engine/base/error.hpp"', '#include "engine/base/hex.hpp"', "void log() {", *STEPS, "}", ""]),
    "tests/engine/log/log_test.cpp": "\n".join(
        ['#include "engine/log/log.hpp"', '#include "engine/log/log.cpp"', "TEST(Log, Logs) {", "  {  // a \" b",
         *(f"\t{line}  // {line}\n" for line in STEPS), "  }", '  open("//"); /* not', "  this */", "}", ""]),
}


class MeasureCode(unittest.TestCase):
    def test_tests_belong_to_their_folder_and_sources_to_their_room(self):
        self.assertEqual([measure_code.room_of(path) for path in ("engine/engine.hpp", "net/http/a/b.hpp", *TREE)],
                         ["engine", "net/http", "engine/base", "engine/base", "engine/log", "tests/engine"])

    def test_an_arrow_counts_includes_of_files_of_another_room(self):
        self.assertEqual(measure_code.arrows(TREE), {("engine/log", "engine/base"): 2, ("tests/engine", "engine/log"): 1})

    def test_white_space_comments_and_brackets_hide_no_duplicate(self):
        self.assertEqual(measure_code.duplicates(TREE), {"engine/log": 6, "tests/engine": 6})

    def test_fewer_lines_or_a_run_in_itself_are_no_duplicate(self):
        five = "\n".join([*STEPS[:5], ""])
        self.assertEqual(measure_code.duplicates({"a/a.cpp": five, "a/b.cpp": five, "a/c.cpp": "x();\n" * 11}), {})
        self.assertEqual(measure_code.duplicates({"a/c.cpp": "x();\n" * 12}), {"a": 12})

    def test_a_spread_is_median_ninth_tenth_and_most(self):
        self.assertEqual(measure_code.spread([10, *range(1, 10)]), (5, 9, 10))
        self.assertEqual(measure_code.spread([]), (0, 0, 0))

    def test_worse_is_a_number_that_grew_by_more_than_two_percent(self):
        before = {("a", "lines"): (100,), ("b", "lines"): (100,), ("b", "files"): (1,), ("gone", "lines"): (1,),
                  ("c", "duplicate lines"): (0,), ("c", "lines"): (9, 100)}
        after = {("a", "lines"): (102,), ("b", "lines"): (103,), ("b", "files"): (2,), ("new", "lines"): (1,),
                 ("c", "duplicate lines"): (6,), ("c", "lines"): (8, 103)}
        self.assertEqual(measure_code.worse_rows(before, after),
                         [("b", "lines"), ("c", "lines"), ("c", "duplicate lines")])

    def test_the_table_has_a_column_for_each_revision(self):
        columns = [{("net/http", "lines"): (7,)}, {("net/http", "lines"): (8,), ("engine", "files"): (1,)}]
        self.assertEqual([line.split() for line in measure_code.table(["v1", "."], columns).splitlines()],
                         [["room", "measure", "v1", "."], ["engine", "files", "-", "1"], ["net/http", "lines", "7", "8"]])

    @unittest.skipUnless(shutil.which("ctags"), "needs universal-ctags, which tools/measure-code installs")
    def test_a_tree_is_measured_per_room_and_as_a_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in TREE.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            rows = measure_code.measure(pathlib.Path(folder))
        self.assertEqual(rows["engine/base", measure_code.LINES], (3,))
        self.assertEqual(rows["engine/log", measure_code.FUNCTION_LENGTH], (8, 8, 8))
        self.assertEqual(rows["engine/log", measure_code.INCLUDES], (1, 2))
        self.assertEqual(rows["all", measure_code.FILES], (4,))
        self.assertEqual(rows["all", measure_code.FILE_LENGTH], (2, 20, 20))
        self.assertEqual(rows["all", measure_code.INCLUDES], (2, 3))
        self.assertEqual(rows["all", measure_code.DUPLICATES], (12,))


if __name__ == "__main__":
    unittest.main()
