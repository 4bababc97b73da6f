"""What tools/compare makes of its measurements: ratios, table, pictures, the places in the documents."""
import contextlib
import io
import os
import re
import tempfile
import types
import unittest
import xml.etree.ElementTree as xml

from comparison import __main__ as compare
from comparison import bench, charts, figures, publish, table
from comparison.processes import Failed, Skip

SVG = "{http://www.w3.org/2000/svg}"
FASTER = figures.figure("`DELETE` of <one> key", "requests/s", [100, 400, 900], [100, 200, 300], "nginx & others",
                        [("ratio", "≥", 3.0), ("value", "≥", 400)], headline=True)
ALONE = figures.figure("memory", "MiB", [40], goals=[("value", "≤", 64)])


def results_of(**items):
    host = {"processor": "a processor", "processors": 2, "kernel": "6.1", "memory_gib": 8}
    return {"command": "tools/compare", "at": "2026-01-02", "commit": "abc", "host": host, "items": items, "skipped": {}}


def item(chart=None):
    return {**figures.result("Revoke one key", [FASTER, ALONE], ["A note."]), "chart": chart}


class Figures(unittest.TestCase):
    def test_the_ratio_is_the_median_of_the_rounds_ratios(self):
        self.assertEqual(figures.ratio(FASTER), 2.0)
        self.assertIsNone(figures.ratio(ALONE))

    def test_rounds_that_do_not_match_are_compared_by_their_medians(self):
        self.assertEqual(figures.ratio(figures.figure("x", "s", [4, 6, 8], [3], "y")), 2.0)

    def test_goals_look_at_ratio_or_value(self):
        self.assertEqual([figures.goal_is_met(FASTER, goal) for goal in FASTER["goals"]], [False, True])
        self.assertTrue(figures.goal_is_met(ALONE, ALONE["goals"][0]))
        self.assertFalse(figures.goal_is_met(ALONE, ("ratio", "≥", 0)))


class Table(unittest.TestCase):
    def test_a_row_says_both_medians_the_ratio_and_which_goal_is_missed(self):
        self.assertEqual(table.row(FASTER), "| `DELETE` of <one> key | **400 requests/s** | nginx & others: 200 requests/s | 2.00 × "
                         "| ≥ 3 × (missed), ≥ 400 requests/s |")

    def test_every_item_names_the_command_that_measures_it(self):
        text = table.full_table(results_of(delete=item("delete.svg"), bulk=item()))
        for expected in ("`tools/compare --only delete`", "`tools/compare --only bulk`", "A note.", "![Revoke one key](delete.svg)"):
            self.assertIn(expected, text)

    def test_what_was_left_out_is_said(self):
        results = results_of()
        results["skipped"] = {"webdis": "webdis is not installed"}
        self.assertIn("Skipped: webdis (webdis is not installed).", table.full_table(results))

    def test_the_short_table_holds_the_headlines_alone(self):
        text = table.short_table(results_of(delete=item()))
        self.assertIn("`DELETE`", text)
        self.assertNotIn("memory", text)


class Charts(unittest.TestCase):
    def test_bars_are_as_long_as_their_values_and_within_the_picture(self):
        root = xml.fromstring(charts.chart("Revoke `one` key", [FASTER, ALONE], "tools/compare --only delete"))
        width, height = float(root.get("width")), float(root.get("height"))
        bars = [float(bar.get("width")) for bar in root.findall(f"{SVG}rect") if bar.get("x")]
        self.assertEqual(len(bars), 2)  # the figure without a peer is not drawn
        self.assertAlmostEqual(bars[0] / bars[1], 400 / 200)
        for element in root.iter():
            self.assertLessEqual(float(element.get("x", 0)), width)
            self.assertLessEqual(float(element.get("y", 0)), height)

    def test_words_are_spelt_out_and_the_ratio_is_there(self):
        root = xml.fromstring(charts.chart("t", [FASTER], "f"))
        texts = [element.text for element in root.findall(f"{SVG}text")]
        self.assertIn("DELETE of <one> key", texts)
        self.assertIn("nginx & others: 200 requests/s", texts)
        self.assertIn("2.00 ×", texts)

    def test_it_has_a_ground_of_its_own(self):
        ground = xml.fromstring(charts.chart("t", [FASTER], "f")).find(f"{SVG}rect")
        self.assertEqual(ground.get("fill"), "#ffffff")

    def test_nothing_to_compare_is_no_picture(self):
        self.assertIsNone(charts.chart("t", [ALONE], "f"))


class Publish(unittest.TestCase):
    def test_only_what_stands_between_the_markers_changes(self):
        text = "before\n<!-- measured -->\nold\n\\1\n<!-- /measured -->\nafter\n"
        self.assertEqual(publish.replace_between(text, "measured", "new \\1\n"),
                         "before\n<!-- measured -->\nnew \\1\n<!-- /measured -->\nafter\n")

    def test_a_missing_marker_is_an_error(self):
        with self.assertRaises(ValueError):
            publish.replace_between("nothing here", "measured", "new")

    def test_the_documents_have_their_markers(self):
        for path in ("README.md", "docs/performance.md"):
            with open(path, encoding="utf-8") as file:
                publish.replace_between(file.read(), "measured", "")

    def test_the_document_speaks_of_every_item(self):
        with open("docs/performance.md", encoding="utf-8") as file:
            described = set(re.findall(r"^\| `(\w+)` \|", file.read(), re.MULTILINE))
        self.assertEqual(described, set(compare.ITEMS))


class Bench(unittest.TestCase):
    def test_repetitions_are_gathered_and_aggregates_left_out(self):
        report = {"benchmarks": [
            {"run_name": "a/1", "run_type": "iteration", "items_per_second": 5.0},
            {"run_name": "a/1", "run_type": "iteration", "items_per_second": 7.0},
            {"run_name": "a/1", "run_type": "aggregate", "items_per_second": 6.0},
        ]}
        self.assertEqual(bench.by_name(report), {"a/1": [5.0, 7.0]})
        self.assertEqual(bench.pick({"a/1": [1]}, "a/"), [1])
        with self.assertRaises(Failed):
            bench.pick({}, "a/")


class Items(unittest.TestCase):
    def test_a_missing_peer_is_no_failure_and_a_failure_does_not_end_the_others(self):
        def absent(_):
            raise Skip("webdis is not installed")

        def broken(_):
            raise Failed("it broke")

        output, items = compare.OUTPUT, compare.ITEMS
        results = results_of()
        with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stderr(io.StringIO()) as said:
            compare.OUTPUT = directory
            compare.ITEMS = {"absent": absent, "broken": broken, "good": lambda _: item()}
            try:
                arguments = types.SimpleNamespace(only=None, quick=True, rounds=None, seconds=None, scale=None)
                failed = compare.measure(arguments, results)
                self.assertTrue(os.path.exists(f"{directory}/good.svg"))
            finally:
                compare.OUTPUT, compare.ITEMS = output, items
        self.assertEqual(failed, ["broken"])
        self.assertEqual(list(results["items"]), ["good"])
        self.assertEqual(results["skipped"], {"absent": "webdis is not installed"})
        self.assertEqual(said.getvalue().count("skipped, webdis is not installed"), 1)


if __name__ == "__main__":
    unittest.main()
