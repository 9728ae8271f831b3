"""Drawings of a report, as SVG that stands inside a page of HTML and takes its colours from it."""

from __future__ import annotations

import html
from typing import Any, Dict, List, Sequence, Tuple

#: Sizes in pixels: a box of the graph, the space between boxes.
BOX = (216, 46)
GAP = (76, 10)

#: Widest text in a box, in characters of a fixed width.
COLUMNS = 27

#: Every graph of the page ends its arrows with these.
ARROWS = (
    '<svg class="arrows" width="0" height="0" aria-hidden="true"><defs>'
    + "".join(
        '<marker id="%s" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker>' % name
        for name in ("arrow", "bad-arrow")
    )
    + "</defs></svg>"
)


def escape(text: Any) -> str:
    """A text that is safe between tags and in an attribute, and that can be written as UTF-8."""
    # What is not printable, and half of a surrogate pair is not, stands as Python would write it.
    return html.escape("".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in str(text)), quote=True)


def number(value: float) -> str:
    """A signed number without needless digits: "+1", "+0.5", "-2", "0"."""
    return "0" if not value else "%+.6g" % value


def counted(value: float, what: str) -> str:
    """A signed number of things: "+1 reference", "+0.5 references"."""
    return "%s %s%s" % (number(value), what, "" if abs(value) == 1 else "s")


def bars(growth: Sequence[int]) -> str:
    """The growth of each window as a bar, above the line where it grew and below where it shrank."""
    width, height, step, top_of_all = 44, 60, 60, 18
    largest = max(1, max(abs(value) for value in growth))
    base = top_of_all + (height if max(growth) > 0 else 0)
    numbers = base + (height + 30 if min(growth) < 0 else 16)
    drawn = []
    for index, value in enumerate(growth):
        long = round(height * abs(value) / largest)
        left, top = 4 + index * step, base - (long if value > 0 else 0)
        middle, label = left + width // 2, top + long + 13 if value < 0 else top - 5
        drawn.append('<rect class="bar" x="%d" y="%d" width="%d" height="%d" rx="2"/>' % (left, top, width, long))
        drawn.append('<text class="mid" x="%d" y="%d">%s</text>' % (middle, label, number(value)))
        drawn.append('<text class="mid faint" x="%d" y="%d">%d</text>' % (middle, numbers, index + 1))
    wide, tall = len(growth) * step + 4, numbers + 6
    drawn.append('<line class="base" x1="0" x2="%d" y1="%d" y2="%d"/>' % (wide, base, base))
    told = "references in each window: " + ", ".join(number(value) for value in growth)
    return _svg("growth", wide, tall, told, drawn)


def _svg(name: str, wide: int, tall: int, told: str, drawn: Sequence[str]) -> str:
    return (
        '<div class="scroll"><svg class="%s" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">'
        "%s</svg></div>"
    ) % (name, wide, tall, wide, tall, escape(told), "".join(drawn))


def graph(type_name: str, example: Dict[str, Any]) -> str:
    """One object in the middle, who visibly refers to it on the left, what it refers to on the right.

    References that nobody shows are a box with a broken line, on the side of who should hold them.
    """
    missing = example["refcount"] - example["explained"]
    left: List[Tuple[str, str, str]] = [_seen(one) for one in example["referrers"]]
    if missing:
        left.insert(0, _unseen(missing))
    right = [_seen(one) for one in example["referents"]]
    rows = max(len(left), len(right), 1)
    height = rows * (BOX[1] + GAP[1]) - GAP[1] + 4
    middle = height / 2
    drawn = []
    for column, boxes in ((0, left), (2, right)):
        for box, y in zip(boxes, _places(len(boxes), middle)):
            drawn.append(_edge(column, y, middle, box[2]))
            drawn.append(_box(column, y, *box))
    drawn.append(_box(1, middle, type_name, example["repr"], "self"))
    columns = 3 if right else 2
    wide = columns * (BOX[0] + GAP[0]) - GAP[0]
    return _svg("graph", wide, height, _told(type_name, example, missing), drawn)


def _seen(neighbour: Dict[str, Any]) -> Tuple[str, str, str]:
    return neighbour["type"], neighbour["repr"], ""


def _unseen(missing: int) -> Tuple[str, str, str]:
    some = "%d reference%s" % (abs(missing), "" if abs(missing) == 1 else "s")
    return (some, "that nobody shows", "bad") if missing > 0 else (some, "held, but not counted", "bad")


def _told(type_name: str, example: Dict[str, Any], missing: int) -> str:
    return "%s: %d visible referrers, %d referents, %s unexplained references" % (
        type_name,
        len(example["referrers"]),
        len(example["referents"]),
        number(missing),
    )


def _places(count: int, middle: float) -> List[float]:
    step = BOX[1] + GAP[1]
    return [middle + (index - (count - 1) / 2) * step for index in range(count)]


def _edge(column: int, y: float, middle: float, kind: str) -> str:
    # From the right side of a box to the left side of the next.
    start = (column and 1) * (BOX[0] + GAP[0]) + BOX[0]
    end = start + GAP[0]
    from_y, to_y = (y, middle) if column == 0 else (middle, y)
    half = (start + end) / 2
    return '<path class="edge %s" d="M%d %.1fC%d %.1f %d %.1f %d %.1f" marker-end="url(#%s)"/>' % (
        kind,
        start,
        from_y,
        half,
        from_y,
        half,
        to_y,
        end,
        to_y,
        "bad-arrow" if kind == "bad" else "arrow",
    )


def _box(column: int, y: float, first: str, second: str, kind: str) -> str:
    x, top = column * (BOX[0] + GAP[0]), y - BOX[1] / 2
    return (
        '<g class="box %s"><title>%s</title><rect x="%.1f" y="%.1f" width="%d" height="%d" rx="5"/>'
        '<text class="type" x="%d" y="%.1f">%s</text><text x="%d" y="%.1f">%s</text></g>'
    ) % (
        kind,
        escape(first + "\n" + second),
        x + 1,
        top,
        BOX[0] - 2,
        BOX[1],
        x + 10,
        top + 19,
        escape(_fit(first, at_end=True)),
        x + 10,
        top + 36,
        escape(_fit(second)),
    )


def _fit(text: str, at_end: bool = False) -> str:
    """At most COLUMNS characters: the end of a dotted name, the beginning of everything else."""
    if len(text) <= COLUMNS:
        return text
    return "…" + text[1 - COLUMNS :] if at_end else text[: COLUMNS - 1] + "…"
