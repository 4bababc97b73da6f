"""Writes the table and charts into the documents."""
import os
import re
import shutil

from comparison.table import full_table, short_table

PICTURES = "docs/performance"  # checked in; build/ is not


def replace_between(text, marker, content):
    """Replaces the text between <!-- marker --> and <!-- /marker --> by `content`."""
    pattern = re.compile(rf"(<!-- {marker} -->\n).*?(<!-- /{marker} -->)", re.DOTALL)
    replaced, count = pattern.subn(lambda match: match.group(1) + content + match.group(2), text)
    if count != 1:
        raise ValueError(f"expected the marker {marker} once, found it {count} times")
    return replaced


def rewrite(path, marker, content):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(replace_between(text, marker, content))


def publish(results, output):
    os.makedirs(PICTURES, exist_ok=True)
    for item in results["items"].values():
        if item.get("chart"):
            shutil.copyfile(f"{output}/{item['chart']}", f"{PICTURES}/{item['chart']}")
    in_docs = {**results, "items": {name: {**item, "chart": item.get("chart") and f"performance/{item['chart']}"}
                                    for name, item in results["items"].items()}}
    rewrite("docs/performance.md", "measured", full_table(in_docs))
    rewrite("README.md", "measured", short_table(results))
