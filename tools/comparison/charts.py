"""Bar charts as SVG, with their own background so that they are readable on light and dark pages."""
from html import escape

from comparison.figures import median, ratio, written

WIDTH = 760
LEFT, BAR_WIDTH = 24, 470  # of the longest bar
ROW_HEIGHT, BAR_HEIGHT = 26, 18
GROUP_HEIGHT = 24 + 2 * ROW_HEIGHT + 14
HEAD_HEIGHT = 52
INK, QUIET, OURS, THEIRS = "#0f172a", "#475569", "#b91c1c", "#94a3b8"


def text(x, y, content, size=13, fill=INK, **attributes):
    more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}"{more}>{escape(content)}</text>'


def plain(words):
    """Removes Markdown's code marks."""
    return words.replace("`", "")


def bar(y, value, largest, unit, label, fill):
    width = max(2, BAR_WIDTH * value / largest) if largest else 2
    # Labels are inside long bars and next to short ones.
    inside = width > BAR_WIDTH * 0.6
    value_text = written(value, unit)
    label_line = plain(f"{label}: {value_text}")
    parts = [f'<rect x="{LEFT}" y="{y:g}" width="{width:g}" height="{BAR_HEIGHT}" rx="3" fill="{fill}"/>']
    if inside:
        parts.append(text(LEFT + 8, y + 13.5, label_line, 12, "#ffffff" if fill == OURS else INK))
    else:
        parts.append(text(LEFT + width + 8, y + 13.5, label_line, 12, QUIET))
    return parts


def group(y, entry):
    ours, theirs = median(entry["revoked"]), median(entry["beside"])
    largest = max(ours, theirs)
    parts = [text(LEFT, y + 14, plain(entry["what"]), font_weight="bold")]
    parts += bar(y + 24, ours, largest, entry["unit"], "revoked", OURS)
    parts += bar(y + 24 + ROW_HEIGHT, theirs, largest, entry["unit"], entry["peer"], THEIRS)
    parts.append(text(WIDTH - 24, y + 24 + ROW_HEIGHT + 2, f"{ratio(entry):.2f} ×", 20, INK, text_anchor="end"))
    return parts


def chart(title, figures, footer):
    """None if no figure has a peer."""
    drawn = [entry for entry in figures if entry["beside"]]
    if not drawn:
        return None
    height = HEAD_HEIGHT + GROUP_HEIGHT * len(drawn) + 24
    spoken = "; ".join(f"{plain(entry['what'])}: revoked {written(median(entry['revoked']), entry['unit'])}, {plain(entry['peer'])} "
                       f"{written(median(entry['beside']), entry['unit'])}" for entry in drawn)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img"'
        ' aria-labelledby="title description" font-family="DejaVu Sans, Verdana, Helvetica, Arial, sans-serif">',
        f'<title id="title">{escape(plain(title))}</title>', f'<desc id="description">{escape(spoken)}</desc>',
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#ffffff"/>', text(LEFT, 32, plain(title), 17, font_weight="bold")]
    for number, entry in enumerate(drawn):
        parts += group(HEAD_HEIGHT + GROUP_HEIGHT * number, entry)
    parts += [text(LEFT, height - 12, footer, 11, QUIET), "</svg>", ""]
    return "\n".join(parts)
