"""A report is plain data, and its text and its JSON agree."""

import json

from pyrefcore import Example, Finding, Folded, Frame, Neighbour, Report

EXAMPLE = Example(
    address=0x1000,
    refcount=301,
    explained=1,
    repr="'leaked'",
    referrers=[Neighbour(0x2000, "list", "['leaked']")],
    referents=[Neighbour(0x3000, "dict", "{}")],
    birth=[
        Frame(function="make", file="ext.c", line=12, library="/x/ext.so", offset=0x1234),
        Frame(library="/x/ext.so", offset=1),
    ],
)
LEAK = Finding("leak", "str", 1.0, 0.5, [100, 100, 100], [EXAMPLE], [Folded("list", 2.0)])
OVER = Finding("over-release", "ext.Node", -2.0, 0.0, [-200, -200, -200])
HOST = {"version": "3.11.7", "flavour": "cp311"}


def report(**more):
    return Report(host=HOST, runs=100, windows=3, subject="f()", **more)


def test_clean_is_ok():
    clean = report()
    assert clean.ok
    assert str(clean) == "pyrefcore: f(): clean (3 windows of 100 runs)"
    assert clean.to_dict() == {
        "ok": True,
        "host": HOST,
        "subject": "f()",
        "runs": 100,
        "windows": 3,
        "findings": [],
        "notes": [],
    }


def test_findings_and_errors_are_not_ok():
    assert not report(findings=[LEAK]).ok
    failed = report(error="raised ValueError in run 7")
    assert not failed.ok
    assert "not finished: raised ValueError in run 7" in str(failed)
    assert failed.to_dict()["error"] == "raised ValueError in run 7"
    assert "did not finish: raised" in str(report(findings=[LEAK], error="raised ValueError in run 7"))


def test_json_has_every_known_fact():
    found = json.loads(report(findings=[LEAK, OVER], notes=["mind"]).to_json())
    leak, over = found["findings"]
    assert (leak["kind"], leak["type"], leak["references_per_run"], leak["objects_per_run"]) == (
        "leak",
        "str",
        1.0,
        0.5,
    )
    assert leak["growth"] == [100, 100, 100] and leak["folded"] == [{"type": "list", "objects": 2.0}]
    assert leak["examples"] == [
        {
            "address": "0x1000",
            "refcount": 301,
            "explained": 1,
            "repr": "'leaked'",
            "referrers": [{"address": "0x2000", "type": "list", "repr": "['leaked']"}],
            "referents": [{"address": "0x3000", "type": "dict", "repr": "{}"}],
            "birth": [
                {"function": "make", "file": "ext.c", "line": 12, "library": "/x/ext.so", "offset": "0x1234"},
                {"library": "/x/ext.so", "offset": "0x1"},
            ],
        }
    ]
    assert over["examples"] == [] and found["notes"] == ["mind"]


def test_the_text_names_the_mistake_for_a_c_programmer():
    lines = str(report(findings=[LEAK, OVER], notes=["mind"])).split("\n")
    assert lines == [
        "pyrefcore: f(): 2 findings (3 windows of 100 runs)",
        "",
        "leak: 1 reference to str per run, never released (300 in 3 windows of 100 runs, the same in each)",
        "  0.5 objects of this type more per run",
        "  and objects that only they hold, per run: 2 list",
        "  0x1000: 301 references, 1 of them visibly held: 'leaked'",
        "    held by ['leaked'] (list)",
        "    holds {} (dict)",
        "    born in",
        "      make ext.c:12",
        "      /x/ext.so+0x1",
        "",
        "over-release: each run releases 2 references to ext.Node too many (600 in 3 windows of 100 runs, the same in each)",
        "",
        "note: mind",
    ]


def test_the_text_shows_few_examples():
    text = str(report(findings=[Finding("leak", "str", 1.0, 0.0, [1, 1], [EXAMPLE] * 8)]))
    assert text.count("0x1000:") == 3 and "and 5 more like that in the JSON report" in text


def test_objects_that_hold_each_other():
    text = str(report(findings=[Finding("leak", "ext.Knot", 0.0, 2.0, [0, 0, 0])]))
    assert "leak: 2 objects of ext.Knot per run, which only hold each other" in text and "(600 in 3 windows" in text


def test_missing_references_add_up():
    over = Finding("over-release", "list", -1.0, 0.0, [-100, -100], [Example(0x10, -300, 1, "[]")])
    text = str(report(findings=[over]))
    assert "over-release: each run releases 1 reference to list too many (200 in 2 windows of 100 runs, " in text
    # The references released before the first window are missing too.
    assert "0x10: 301 references too few after all runs, 1 visibly held: []" in text


def test_an_audit_has_no_runs():
    missing = Finding("over-release", "list", -1.0, 0.0, [], [Example(0x10, 1, 2, "[]")])
    text = str(Report(host=HOST, findings=[missing], subject="every object that is alive"))
    assert text.split("\n")[0] == "pyrefcore: every object that is alive: 1 finding"
    assert "over-release: 1 reference to list missing" in text
    assert "0x10: 1 reference too few, 2 visibly held: []" in text


def test_memory_is_not_called_a_birth():
    first_used = [Frame("make", "ext.c", 12)]
    example = Example(0x1000, 1, 0, "'leaked'", first_used=first_used, python="run.py:3")
    shown = report(findings=[Finding("leak", "str", 1.0, 1.0, [1, 1], [example, example])])
    text = str(shown).split("\n")
    at = text.index("    memory first used in")
    assert text[at + 1 : at + 3] == ["      make ext.c:12", "      called from run.py:3"]
    assert "    memory first used in the same place" in text and "born" not in str(shown)
    found = shown.to_dict()["findings"][0]["examples"][0]
    assert found["python"] == "run.py:3" and "birth" not in found
    assert found["first_used"] == [{"function": "make", "file": "ext.c", "line": 12}]
    page = shown.to_html()
    assert "Memory first used in" in page and "called from run.py:3" in page and "Born" not in page


def test_a_frame_without_an_offset_is_at_the_start_of_its_library():
    from pyrefcore.report.text import place

    assert place(Frame(library="lib.so")) == "lib.so+0x0"
    assert place(Frame(library="lib.so", offset=16)) == "lib.so+0x10"
