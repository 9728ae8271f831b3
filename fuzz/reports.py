"""Reports in which every name is hostile: their text and page must have the same shape as with ordinary names.

Each report is rendered twice, with hostile and with ordinary names. Both must have the same lines, tags and attributes,
and only printable characters. JSON must keep all names.
"""

import json
import os
import sys

from pyrefcore.report import html, text
from pyrefcore.report.report import LEAK, OVER_RELEASE, Example, Finding, Folded, Frame, Neighbour, Report

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "python"))
from test_html import Reader  # noqa: E402

PARTS = (
    list("<>&\"'`=/\\;#%{}[]() \t\n\r\0\x07\x1b\x7f\x85\xa0\xad\u200b\u202e\u2028\u2029\ufeff\ufffe\ud800\udfff\U0001f600a.b_")
    + ["</text>", "</style>", "<script>alert(1)</script>", "]]>", "<!--", "-->", "&amp;", "&#0;", "javascript:", '" onload="x']
    + ["\nleak: 1 reference to x per run", "\r\n\r\npyrefcore: x: clean", "\nnote: ", "\x1b[2J", "module.Thing", "x" * 400]
)  # fmt: skip


class Names:
    """Draws hostile names."""

    def __init__(self, rng):
        self._rng = rng

    def __call__(self):
        return "".join(self._rng.choice(PARTS) for _ in range(self._rng.randrange(1, 8)))


class Tame:
    """Draws the same names, but returns an ordinary name for each; equal names give equal results."""

    def __init__(self, rng):
        self._hostile, self._known = Names(rng), {}

    def __call__(self):
        return self._known.setdefault(self._hostile(), "name%d" % len(self._known))


def some(rng, make, most):
    return [make() for _ in range(rng.randrange(most + 1))]


def draw(rng, name):
    """A random report. The same seed gives the same report, except for the names."""
    number = lambda: rng.randrange(1 << 40)  # noqa: E731

    def maybe(make):
        made = make()
        return made if rng.random() < 0.7 else None

    def frame():
        return Frame(maybe(name), maybe(name), maybe(number), maybe(name), maybe(number))

    def neighbour():
        return Neighbour(number(), name(), name())

    def example():
        return Example(
            number(), rng.randrange(9), rng.randrange(9), name(), some(rng, neighbour, 3), some(rng, neighbour, 3),
            some(rng, frame, 3), some(rng, frame, 2), maybe(name), rng.random() < 0.2,
        )  # fmt: skip

    def finding():
        return Finding(
            rng.choice((LEAK, OVER_RELEASE)), name(), float(rng.randrange(-3, 4)), float(rng.randrange(4)), some(rng, number, 3),
            examples=some(rng, example, 3), folded=some(rng, lambda: Folded(name(), 2.0), 2), classes=some(rng, name, 5),
        )  # fmt: skip

    return Report(
        host={"implementation": "cpython", "version": name(), "flavour": name(), "platform": name()},
        subject=name(),
        runs=3,
        windows=3,
        findings=some(rng, finding, 3),
        notes=some(rng, name, 2),
        error=maybe(name),
    )


def shape(page):
    read = Reader(page)
    assert not read.open, read.open
    return read.tags, [(tag, attribute) for tag, attribute, _ in read.attributes]


def one(rng):
    seed = rng.getrandbits(64)
    hostile, tame = (draw(type(rng)(seed), kind(type(rng)(seed))) for kind in (Names, Tame))
    lines = [text.render(report).split("\n") for report in (hostile, tame)]
    assert len(lines[0]) == len(lines[1]), lines
    assert all(line.isprintable() for line in lines[0]), lines[0]
    pages = [html.render(report) for report in (hostile, tame)]
    assert shape(pages[0]) == shape(pages[1]), pages
    pages[0].encode("utf-8")
    assert not [c for c in pages[0] if not c.isprintable() and c not in "\n\xa0\u2028\u2029"], pages[0]
    assert json.loads(hostile.to_json())["findings"] == [json.loads(json.dumps(one.to_dict())) for one in hostile.findings]
