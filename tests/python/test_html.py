"""The page of a report is well formed, loads nothing, and no text in it becomes markup."""

import re
import unittest
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

from pyrefcore.report import drawing, html
from pyrefcore.report.report import Example, Finding, Folded, Frame, Neighbour, Report

HOST = {"implementation": "cpython", "version": "3.12.1", "flavour": "cp312", "platform": "linux-x86_64"}
HOSTILE = '<script>alert("1")</script>\'&amp;\x00\ud800]]>'


class Reader(HTMLParser):
    """Checks that tags close in order. Keeps the tags, the attributes and all text except the style."""

    VOID = {"meta", "br"}

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.extend((tag, name, value) for name, value in attributes)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.extend((tag, name, value) for name, value in attributes)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, "</%s> closes %s" % (tag, self.open)
        self.open.pop()

    def handle_data(self, text):
        if "style" not in self.open:
            self.texts.append(text)

    def all_text(self):
        return " ".join(" ".join(self.texts).split())


def report(**fields):
    return Report(host=HOST, runs=100, windows=3, subject="fn", **fields)


def leak(**fields):
    return Finding("leak", "module.Thing", 2.0, 1.0, growth=[200, 200, 200], **fields)


class Page(unittest.TestCase):
    def test_the_first_example_is_open(self):
        examples = [Example(address, 1, 0, "<thing %d>" % address) for address in (16, 32, 48)]
        page = html.render(report(findings=[leak(examples=examples)]))
        self.assertEqual(re.findall(r"<details( open)?><summary><code>&lt;thing (\d+)", page), [(" open", "16"), ("", "32"), ("", "48")])

    def test_one_window_and_more(self):
        for windows, words in ((1, "1 window of 100 runs"), (2, "2 windows of 100 runs")):
            page = html.render(Report(host=HOST, runs=100, windows=windows, subject="fn"))
            self.assertIn(words, Reader(page).all_text())

    def test_clean(self):
        read = Reader(html.render(report()))
        self.assertEqual(read.open, [])
        self.assertIn("nothing found", read.all_text())
        self.assertIn("3 windows of 100 runs", read.all_text())

    def test_error_is_not_clean(self):
        text = Reader(html.render(report(error="raised ValueError: no"))).all_text()
        self.assertNotIn("nothing found", text)
        self.assertIn("raised ValueError: no", text)

    def test_finding(self):
        found = leak(
            examples=[
                Example(
                    0xABC, 103, 3, "<Thing>", birth=[Frame("make", "thing.c", 12), Frame(library="x.so", offset=16)]
                )
            ],
            folded=[Folded("str", 4.0)],
        )
        text = Reader(html.render(report(findings=[found], notes=["a note"]))).all_text()
        for part in (
            "1 finding",
            "leak",
            "module.Thing",
            "+2 references and +1 object per run",
            "+200",
            "0xabc",
            "counted: 103",
            "visibly hold: 3",
            "make thing.c:12",
            "x.so+0x10",
            "+4 objects per run of str",
            "100 references that no object shows",
            "a note",
        ):
            self.assertIn(part, text)

    def test_over_release(self):
        found = Finding("over-release", "str", -2.0, 0.0, [-200, -200], [Example(1, 1, 402, "'x'")])
        text = Reader(html.render(report(findings=[found]))).all_text()
        self.assertIn("Each run releases 2 references too many", text)

    def test_audit(self):
        found = Finding("over-release", "str", -1.0, 0.0, examples=[Example(1, 1, 2, "'x'")])
        text = Reader(html.render(Report(host=HOST, findings=[found]))).all_text()
        self.assertIn("-1 reference ", text)
        self.assertIn("1 reference held, but not counted", text)
        self.assertNotIn("per run", text)

    def test_needs_nothing_else(self):
        read = Reader(html.render(report(findings=[leak(examples=[Example(1, 2, 1, "x")])])))
        self.assertFalse({"script", "link", "img", "iframe", "object", "embed"} & set(read.tags))
        for tag, name, value in read.attributes:
            self.assertNotIn(name, ("src", "href", "srcset", "style"), tag)
            self.assertFalse(name.startswith("on"), name)
            self.assertIsNone(re.search(r"https?:|url\((?!#)", value or ""), value)
        self.assertIsNone(re.search(r"@import|https?:|url\((?!#)", html.STYLE))

    def test_nothing_is_markup(self):
        near = Neighbour(1, HOSTILE, HOSTILE)
        example = Example(1, 5, 1, HOSTILE, [near], [near], [Frame(HOSTILE, HOSTILE, 1), Frame(library=HOSTILE)])
        finding = Finding(HOSTILE, HOSTILE, 1.0, 1.0, [1, 1], [example], [Folded(HOSTILE, 1.0)])
        whole = Report(HOST, 1, 2, [finding], [HOSTILE], HOSTILE, HOSTILE)
        whole.host = dict(HOST, version=HOSTILE)
        page = html.page(HOSTILE, [(HOSTILE, whole.to_dict())], [HOSTILE])
        read = Reader(page)
        self.assertEqual(read.open, [])
        self.assertNotIn("script", read.tags)
        self.assertNotIn("\x00", page)
        page.encode("utf-8")
        self.assertGreaterEqual(page.count("&lt;script&gt;"), 15)
        self.assertIn(r"\x00\ud800", page)

    def test_quotes_end_no_attribute(self):
        name = "T\" onload='alert(1)' x=\""
        examples = [Example(1, 5, 1, "<T>", [Neighbour(1, name, name)])]
        found = Finding("leak", name, 1.0, 1.0, [1, 1], examples)
        read = Reader(html.render(report(findings=[found])))
        self.assertFalse([one for one in read.attributes if one[1] in ("onload", "x") and one[0] not in ("rect", "text")])
        labels = [value for _, attribute, value in read.attributes if attribute == "aria-label"]
        self.assertEqual(len([label for label in labels if label.startswith(name + ":")]), 2)

    def test_a_name_breaks_no_line(self):
        page = html.render(report(findings=[leak(folded=[Folded("a\nb\u2028c", 1.0)])], error="x\ny"))
        self.assertIn(r"a\nb\u2028c", page)
        self.assertIn(r"x\ny", page)

    def test_an_address_stands_once(self):
        examples = [Example(0xABC, 1, 0, "<Thing at 0xabc>"), Example(0xDEF, 1, 0, "'text'")]
        text = Reader(html.render(report(findings=[leak(examples=examples)]))).all_text()
        self.assertIn("<Thing at 0xabc>", text)
        self.assertNotIn("<Thing at 0xabc> at", text)
        self.assertEqual(text.count("at 0xdef"), 1)

    def test_several(self):
        bad = report(findings=[leak(), leak()]).to_dict()
        text = Reader(html.page("tests", [("test_a", bad), ("test_b", report().to_dict())])).all_text()
        self.assertIn("2 findings", text)
        self.assertIn("test_a", text)
        self.assertIn("test_b", text)
        self.assertEqual(text.count("nothing found"), 1)

    def test_dark_has_every_colour_of_light(self):
        light, dark = html.STYLE.split("@media (prefers-color-scheme: dark)")
        names = set(re.findall(r"--[a-z-]+(?=:)", light))
        self.assertEqual(names, set(re.findall(r"--[a-z-]+(?=:)", dark)))
        self.assertLessEqual(set(re.findall(r"var\((--[a-z-]+)\)", html.STYLE)), names)


class Drawing(unittest.TestCase):
    def svg(self, drawn):
        return next(ElementTree.fromstring(drawn).iter("svg"))

    def test_bars_follow_the_numbers(self):
        for growth in ([10, 20, 40], [-10, -20, -40], [40, -20, 10]):
            svg = self.svg(drawing.bars(growth))
            tall = [int(bar.get("height")) for bar in svg.iter("rect")]
            self.assertEqual(
                [round(tall[0] / long, 1) for long in tall], [round(abs(growth[0] / value), 1) for value in growth]
            )
            base = int(svg.find("line").get("y1"))
            for bar, value in zip(svg.iter("rect"), growth):
                top, bottom = int(bar.get("y")), int(bar.get("y")) + int(bar.get("height"))
                self.assertEqual(base, bottom if value > 0 else top)

    def test_numbers_of_bars_stand_side_by_side(self):
        for value in (7, 1234560, -10**12):
            middles = [int(text.get("x")) for text in self.svg(drawing.bars([value] * 3)).iter("text")][::2]
            long = 8 * len(drawing.number(value))
            self.assertGreaterEqual(middles[1] - middles[0], long)
            self.assertGreaterEqual(middles[0] - long / 2, 0)

    def test_everything_is_inside(self):
        example = Example(1, 30, 8, "x" * 200, [Neighbour(i, "a." * 90, "y" * 200) for i in range(8)]).to_dict()
        page = ElementTree.fromstring(
            "<p>%s</p>" % "".join((drawing.bars([5]), drawing.bars([-1, 9, 0]), drawing.graph("m.T" * 40, example)))
        )
        drawings = list(page.iter("svg"))
        self.assertEqual(len(drawings), 4)
        for svg in drawings:
            wide, tall = int(svg.get("width")), int(svg.get("height"))
            for box in svg.iter("rect"):
                x, y, w, h = (float(box.get(name)) for name in ("x", "y", "width", "height"))
                self.assertTrue(0 <= x and x + w <= wide and 0 <= y and y + h <= tall, (svg.attrib, x, y, w, h))
            for text in svg.iter("text"):
                self.assertLess(float(text.get("y")), tall)
            for group in svg.iter("g"):
                box = group.find("rect")
                for text in group.iter("text"):
                    end = float(text.get("x")) + len(text.text) * drawing.CHARACTER
                    self.assertLess(end, float(box.get("x")) + float(box.get("width")))

    def test_graph_has_an_arrow_for_each_neighbour(self):
        near = [Neighbour(i, "dict", "{}") for i in range(3)]
        example = Example(1, 4, 4, "x", near, near[:2]).to_dict()
        for refcount, arrows in ((4, 5), (5, 6), (3, 6)):
            example["refcount"] = refcount
            for svg in ElementTree.fromstring(drawing.graph("T", example)).iter("svg"):
                self.assertEqual(len(list(svg.iter("path"))), arrows)
                self.assertEqual(len(list(svg.iter("g"))), arrows + 1)

    def test_an_object_that_no_visitor_shows_is_only_a_leak(self):
        def kinds(example, is_leak):
            groups = ElementTree.fromstring(drawing.graph("T", example, is_leak)).iter("g")
            return [group.get("class") for group in groups if group.get("class") != "box self"]

        self.assertEqual(kinds(Example(1, 5, 4, "x").to_dict(), True), ["box bad"] * 2)
        self.assertEqual(kinds(Example(1, 5, 4, "x").to_dict(), False), ["box unseen"] * 2)
        self.assertEqual(kinds(Example(1, 3, 4, "x").to_dict(), False), ["box bad"] * 2)


if __name__ == "__main__":
    unittest.main()
