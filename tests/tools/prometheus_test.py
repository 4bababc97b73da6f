"""What tools/packaging/prometheus has, by promtool: the alerts and their tests, the dashboard's queries, and that all of
them name only metrics that docs/metrics.md lists. MetricsSystest compares that list with what the programs send."""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "tools/packaging/prometheus"


def promtool(*arguments, cwd=FOLDER):
    done = subprocess.run(["promtool", *arguments], cwd=cwd, text=True, capture_output=True)
    return done.returncode, done.stdout + done.stderr


def documented():
    return set(re.findall(r"^\| `([a-z_]+)`", (ROOT / "docs/metrics.md").read_text(), re.M))


def metrics_in(text):
    names = re.findall(r"\b(?:revoked|process)_[a-z_]+", text)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def queries():
    """Of the dashboard, each with the title of its panel."""
    for panel in json.loads((FOLDER / "revoked.dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m")


class Prometheus(unittest.TestCase):
    def test_the_example_configuration_is_valid(self):
        code, output = promtool("check", "config", "prometheus.yml")
        self.assertEqual(code, 0, output)

    def test_each_alert_fires_when_it_should(self):
        code, output = promtool("test", "rules", "revoked.rules.test.yml")
        self.assertEqual(code, 0, output)

    def test_each_alert_is_tested_and_documented(self):
        alerts = set(re.findall(r"alert: (\w+)", (FOLDER / "revoked.rules.yml").read_text()))
        tests = (FOLDER / "revoked.rules.test.yml").read_text()
        tested = {alert for alert in alerts if re.search(rf"alertname: {alert}\n +exp_alerts", tests)}
        self.assertEqual(alerts - tested, set())
        listed = set(re.findall(r"^\| `(Revoked\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M))
        self.assertEqual(alerts, listed)

    def test_the_rules_and_the_dashboard_name_only_documented_metrics(self):
        for text in [(FOLDER / "revoked.rules.yml").read_text(), *(query for _, query in queries())]:
            used = metrics_in(re.sub(r"#.*|summary: .*", "", text))
            self.assertEqual(used - documented(), set())

    def test_the_queries_of_the_dashboard_are_valid(self):
        rules = [{"record": "query", "expr": query, "labels": {"title": title, "number": str(number)}}
                 for number, (title, query) in enumerate(queries())]
        self.assertGreater(len(rules), 10)
        with tempfile.TemporaryDirectory() as folder:
            # JSON is YAML.
            pathlib.Path(folder, "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
            code, output = promtool("check", "rules", "rules.yml", cwd=folder)
        self.assertEqual(code, 0, output)

    def test_the_panels_do_not_overlap(self):
        taken = set()
        for panel in json.loads((FOLDER / "revoked.dashboard.json").read_text())["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24)
            taken |= cells


if __name__ == "__main__":
    unittest.main()
