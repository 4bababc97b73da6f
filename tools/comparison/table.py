"""The results as Markdown."""
from comparison.figures import goal_is_met, goal_text, median, ratio, written


def row(entry, with_goals=True):
    times = ratio(entry)
    cells = [entry["what"], f"**{written(median(entry['revoked']), entry['unit'])}**",
             f"{entry['peer']}: {written(median(entry['beside']), entry['unit'])}" if times is not None else "",
             f"{times:.2f} ×" if times is not None else ""]
    if with_goals:
        cells.append(", ".join(f"{goal_text(entry, goal)}{'' if goal_is_met(entry, goal) else ' (missed)'}"
                               for goal in entry["goals"]))
    return f"| {' | '.join(cells)} |"


def spread(values):
    """The spread of the rounds, in per cent of their median."""
    middle = median(values)
    return (max(values) - min(values)) / middle * 100 if middle else 0


def full_table(results):
    """All results by item, with the command that measures it."""
    parts = [caption(results), ""]
    for name, item in results["items"].items():
        parts += [f"### {item['title']}", "", f"`tools/compare --only {name}`", "", "| what | revoked | beside | ratio | goal |",
                  "| --- | ---: | ---: | ---: | ---: |", *(row(entry) for entry in item["figures"]), ""]
        rounds = max(len(entry["revoked"]) for entry in item["figures"])
        if rounds > 1:
            widest = max(spread(entry["revoked"]) for entry in item["figures"])
            parts += [f"{rounds} rounds, at most {widest:.0f} % apart.", ""]
        parts += [line for note in item["notes"] for line in (note, "")]
        if item.get("chart"):
            parts += [f"![{item['title']}]({item['chart']})", ""]
    if results["skipped"]:
        parts += ["Skipped: " + "; ".join(f"{name} ({why})" for name, why in results["skipped"].items()) + ".", ""]
    return "\n".join(parts)


def short_table(results):
    """The headline figures."""
    entries = [entry for item in results["items"].values() for entry in item["figures"] if entry["headline"]]
    return "\n".join([caption(results), "", "| | revoked | beside | ratio |", "| --- | ---: | ---: | ---: |",
                      *(row(entry, with_goals=False) for entry in entries), ""])


def caption(results):
    host = results["host"]
    return (f"`{results['command']}`, {results['at']}, commit {results['commit']}, {host['processors']} × {host['processor']}, "
            f"Linux {host['kernel']}, {host['memory_gib']} GiB. The server has one core, load and Redis another; medians of rounds "
            "in which the peers take turns, and the median of the rounds' ratios.")
