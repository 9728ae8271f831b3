"""Drawings of a report: SVG inside a page of HTML, in the colours of that page."""

from __future__ import annotations

import html
from typing import Any, Dict, List, Sequence, Tuple

from .printable import printable

#: Two lines of text, and a class of the page's style.
Box = Tuple[str, str, str]

#: Sizes in pixels: a box of the graph, the space between boxes, the width of a box on a narrow screen, the margin left
#: of it.
BOX = (216, 46)
GAP = (76, 10)
NARROW = 276
RAIL = 22

#: The width of a character in a box, and the space beside a line of text, in pixels.
CHARACTER = 7.25
PADDING = 10

#: The arrowheads of every graph of the page.
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
    return html.escape(printable(str(text)), quote=True)


def number(value: float) -> str:
    """A signed number without needless digits: "+1", "+0.5", "-2", "0"."""
    return "0" if not value else ("%+d" if value == int(value) else "%+.6g") % value


def counted(value: float, what: str) -> str:
    """A signed number of things: "+1 reference", "+0.5 references"."""
    return "%s %s%s" % (number(value), what, "" if abs(value) == 1 else "s")


def bars(growth: Sequence[int]) -> str:
    """The growth of each window as a bar: above the line for growth, below it for shrinkage."""
    width, height, top_of_all = 44, 60, 18
    largest = max(1, max(abs(value) for value in growth))
    # The numbers above the bars must fit side by side.
    step = max(60, 8 * max(len(number(value)) for value in growth) + 8)
    base = top_of_all + (height if max(growth) > 0 else 0)
    numbers = base + (height + 30 if min(growth) < 0 else 16)
    drawn = []
    for index, value in enumerate(growth):
        long = round(height * abs(value) / largest)
        left, top = (step - width) // 2 + index * step, base - (long if value > 0 else 0)
        middle, label = left + width // 2, top + long + 13 if value < 0 else top - 5
        drawn.append('<rect class="bar" x="%d" y="%d" width="%d" height="%d" rx="2"/>' % (left, top, width, long))
        drawn.append('<text class="mid" x="%d" y="%d">%s</text>' % (middle, label, number(value)))
        drawn.append('<text class="mid faint" x="%d" y="%d">%d</text>' % (middle, numbers, index + 1))
    wide, tall = len(growth) * step, numbers + 6
    drawn.append('<line class="base" x1="0" x2="%d" y1="%d" y2="%d"/>' % (wide, base, base))
    told = "references in each window: " + ", ".join(number(value) for value in growth)
    return _svg("growth", wide, tall, told, drawn)


def _svg(name: str, wide: int, tall: int, told: str, drawn: Sequence[str]) -> str:
    return (
        '<div class="scroll"><svg class="%s" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">'
        "%s</svg></div>"
    ) % (name, wide, tall, wide, tall, escape(told), "".join(drawn))


def graph(type_name: str, example: Dict[str, Any], is_leak: bool = True) -> str:
    """An object, the objects that visibly refer to it, and those that it refers to. It is drawn from left to right, and
    again from top to bottom for a narrow screen. The page's style shows one of the two.

    References that no object shows are a box with a broken line, on the side of the referrers.
    """
    missing = example["refcount"] - example["explained"]
    before: List[Box] = [_seen(one) for one in example["referrers"]]
    if missing:
        before.insert(0, _unseen(missing, is_leak))
    this = (type_name, example["repr"], "self")
    behind = [_seen(one) for one in example["referents"]]
    told = _told(type_name, example, missing)
    return '<div class="graphs">%s%s</div>' % (_across(before, this, behind, told), _down(before, this, behind, told))


def _seen(neighbour: Dict[str, Any]) -> Box:
    return neighbour["type"], neighbour["repr"], ""


def _unseen(missing: int, is_leak: bool) -> Box:
    some = "%d reference%s" % (abs(missing), "" if abs(missing) == 1 else "s")
    if missing < 0:
        return some, "held, but not counted", "bad"
    # An object that was released too often may still have references that C code holds.
    return some, "that no object shows", "bad" if is_leak else "unseen"


def _told(type_name: str, example: Dict[str, Any], missing: int) -> str:
    return "%s: %d visible referrers, %d referents, %s unexplained references" % (
        type_name,
        len(example["referrers"]),
        len(example["referents"]),
        number(missing),
    )


def _across(before: Sequence[Box], this: Box, behind: Sequence[Box], told: str) -> str:
    rows = max(len(before), len(behind), 1)
    height = rows * (BOX[1] + GAP[1]) - GAP[1] + 4
    middle = height / 2
    step = BOX[0] + GAP[0]
    drawn = []
    for column, boxes in ((0, before), (2, behind)):
        for box, y in zip(boxes, _places(len(boxes), middle)):
            # From the right side of a box to the left side of the next.
            start = (column and 1) * step + BOX[0]
            half, end = start + GAP[0] / 2, start + GAP[0]
            from_y, to_y = (y, middle) if column == 0 else (middle, y)
            curve = "M%d %.1fC%d %.1f %d %.1f %d %.1f" % (start, from_y, half, from_y, half, to_y, end, to_y)
            drawn.append(_edge(curve, box[2]))
            drawn.append(_box(column * step, y, BOX[0], box))
    drawn.append(_box(step, middle, BOX[0], this))
    return _svg("graph across", (3 if behind else 2) * step - GAP[0], height, told, drawn)


def _places(count: int, middle: float) -> List[float]:
    step = BOX[1] + GAP[1]
    return [middle + (index - (count - 1) / 2) * step for index in range(count)]


def _down(before: Sequence[Box], this: Box, behind: Sequence[Box], told: str) -> str:
    boxes = [*before, this, *behind]
    step = BOX[1] + GAP[1]
    here = len(before) * step + BOX[1] // 2 + 2
    drawn = []
    for index, box in enumerate(boxes):
        y = index * step + BOX[1] // 2 + 2
        if box is not this:
            # The edge goes around the boxes in between. Edges of another kind or direction have another lane.
            rail, apart = (3, 15) if box[2] else (12, 6)
            from_y, to_y = (y, here - apart) if y < here else (here + apart, y)
            drawn.append(_edge("M%d %dH%dV%dH%d" % (RAIL, from_y, rail, to_y, RAIL), box[2]))
        drawn.append(_box(RAIL, y, NARROW, box))
    return _svg("graph down", RAIL + NARROW, len(boxes) * step - GAP[1] + 4, told, drawn)


def _edge(path: str, kind: str) -> str:
    arrow = "bad-arrow" if kind == "bad" else "arrow"
    return '<path class="edge %s" d="%s" marker-end="url(#%s)"/>' % (kind, path, arrow)


def _box(left: int, y: float, width: int, box: Box) -> str:
    first, second, kind = box
    top, columns = y - BOX[1] / 2, int((width - 2 * PADDING + 1) / CHARACTER)
    return (
        '<g class="box %s"><title>%s</title><rect x="%d" y="%.1f" width="%d" height="%d" rx="5"/>'
        '<text class="type" x="%d" y="%.1f">%s</text><text x="%d" y="%.1f">%s</text></g>'
    ) % (
        kind,
        "\n".join((escape(first), escape(second))),
        left + 1,
        top,
        width - 2,
        BOX[1],
        left + PADDING,
        top + 19,
        escape(_fit(first, columns, at_end=True)),
        left + PADDING,
        top + 36,
        escape(_fit(second, columns)),
    )


def _fit(text: str, columns: int, at_end: bool = False) -> str:
    """Cuts the text to `columns` characters. Keeps the end if `at_end`, otherwise the beginning."""
    if len(text) <= columns:
        return text
    return "…" + text[1 - columns :] if at_end else text[: columns - 1] + "…"
