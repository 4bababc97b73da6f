"""Results of an item, as plain dictionaries for results.json."""
import statistics

# Number format by unit.
FORMATS = {
    "requests/s": "{:,.0f}",
    "ids/s": "{:,.0f}",
    "keys/s": "{:,.0f}",
    "look-ups/s": "{:,.0f}",
    "hashes/s": "{:,.0f}",
    "µs of CPU a request": "{:.1f}",
    "ms": "{:.2f}",
    "s": "{:.2f}",
    "bytes a key": "{:.0f}",
    "MiB": "{:.0f}",
    "×": "{:.2f}",
}
LESS_IS_BETTER = {"µs of CPU a request", "ms", "s", "bytes a key", "MiB"}


def figure(what, unit, revoked, beside=None, peer=None, goals=(), headline=False):
    """`revoked` and `beside` have one value per round. A goal is (of, sign, value), `of` is "ratio" or "value"."""
    return {"what": what, "unit": unit, "revoked": list(revoked), "beside": list(beside) if beside else None, "peer": peer,
            "goals": [list(goal) for goal in goals], "headline": headline}


def result(title, figures, notes=()):
    return {"title": title, "figures": figures, "notes": list(notes)}


def median(values):
    return statistics.median(values)


def ratio(entry):
    """The median of the rounds' ratios, revoked to peer; None without a peer."""
    if not entry["beside"]:
        return None
    if len(entry["revoked"]) == len(entry["beside"]):
        return statistics.median(a / b for a, b in zip(entry["revoked"], entry["beside"]))
    return median(entry["revoked"]) / median(entry["beside"])


def written(value, unit, with_unit=True):
    text = FORMATS[unit].format(value)
    return f"{text} {unit}" if with_unit else text


def goal_is_met(entry, goal):
    of, sign, wanted = goal
    value = ratio(entry) if of == "ratio" else median(entry["revoked"])
    return value is not None and (value >= wanted if sign == "≥" else value <= wanted)


def goal_text(entry, goal):
    of, sign, wanted = goal
    text = f"{wanted:g} ×" if of == "ratio" else f"{wanted:,.10g} {entry['unit']}"
    return f"{sign} {text}"
