"""Reports as one page of HTML that needs no other file, no script and no network."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from . import drawing
from .drawing import counted, escape
from .report import MEMORY, OVER_RELEASE, Report
from .text import named, number, taken

STYLE = """
:root { color-scheme: light dark; --paper: #fbfbfa; --card: #fff; --ink: #1c2024; --faint: #62676d; --line: #d9dbde;
  --soft: #f1f2f3; --bad: #b3261e; --bad-soft: #fbe9e7; --good: #1a6b3c; --good-soft: #e3f3e9; --self: #eaf1fb; --self-line: #3b6fb5; }
@media (prefers-color-scheme: dark) { :root { --paper: #15171a; --card: #1c1f23; --ink: #e4e6e8; --faint: #9aa0a6;
  --line: #363a40; --soft: #25292e; --bad: #ff8a80; --bad-soft: #3a2020; --good: #7ed6a0; --good-soft: #1b3325;
  --self: #1d2b3f; --self-line: #7fb0f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 20px 60px; max-width: 900px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
code, pre, .graph, .mono { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 13px; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 34px 0 6px; } h3 { font-size: 15px; margin: 0 0 2px; }
h4 { font-size: 13px; margin: 16px 0 2px; color: var(--faint); font-weight: 600; }
p { margin: 4px 0; } ul, ol { margin: 4px 0; padding-left: 22px; } .faint { color: var(--faint); fill: var(--faint); }
.tag { display: inline-block; padding: 1px 9px; border-radius: 10px; font-size: 13px; font-weight: 600; white-space: nowrap;
  margin-right: 6px; background: var(--bad-soft); color: var(--bad); } .tag.good { background: var(--good-soft); color: var(--good); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; margin: 12px 0; }
.error { border-left: 4px solid var(--bad); } .card h3 code { font-size: 15px; }
h3 code, summary code { word-break: break-all; } summary .faint { font-size: 13px; }
details { border-top: 1px solid var(--line); margin-top: 12px; padding-top: 8px; } summary { cursor: pointer; }
.scroll { overflow-x: auto; padding: 4px 0; } svg { display: block; } .arrows { position: absolute; }
.down { display: none; }
.growth text { font-size: 12px; fill: var(--ink); } .growth .faint { fill: var(--faint); }
.mid { text-anchor: middle; } .bar { fill: var(--bad); } .base { stroke: var(--faint); }
.graph text { fill: var(--faint); font-size: 12px; } .graph .type { fill: var(--ink); font-weight: 600; }
.box rect { fill: var(--soft); stroke: var(--line); } .box.self rect { fill: var(--self); stroke: var(--self-line); stroke-width: 1.5; }
.box.unseen rect { stroke: var(--faint); stroke-dasharray: 5 4; } .edge.unseen { stroke-dasharray: 5 4; }
.box.bad rect { fill: var(--bad-soft); stroke: var(--bad); stroke-dasharray: 5 4; } .box.bad .type { fill: var(--bad); }
.edge { fill: none; stroke: var(--faint); } .edge.bad { stroke: var(--bad); stroke-dasharray: 5 4; }
#arrow path { fill: var(--faint); } #bad-arrow path { fill: var(--bad); }
.stack { list-style: none; padding: 8px 12px; background: var(--soft); border-radius: 6px; }
@media (max-width: 760px) { .across { display: none; } .down { display: block; } }
@media (max-width: 560px) { body { padding: 16px 12px 40px; } .card { padding: 12px; } }
"""


def render(report: Report) -> str:
    """The page of one report."""
    return page(report.subject or "audit", [("", report.to_dict())])


def page(title: str, reports: Sequence[tuple[str, Dict[str, Any]]], notes: Sequence[str] = ()) -> str:
    """The page of several reports, each with its heading, as `Report.to_dict` makes them."""
    found = sum(len(report["findings"]) for _, report in reports)
    ended = [report for _, report in reports if "error" in report]
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>%s - pyrefcore</title><style>%s</style></head><body>" % (escape(title), STYLE),
        drawing.ARROWS,
        "<header><h1>%s</h1><p>%s</p></header>" % (escape(title), _verdict(found, len(ended))),
        _notes(notes),
    ]
    for heading, report in reports:
        parts.append(_report(heading, report))
    parts.append("</body></html>\n")
    return "\n".join(part for part in parts if part)


def _verdict(found: int, ended: int) -> str:
    tags = []
    if found:
        tags.append('<span class="tag">%d finding%s</span>' % (found, "" if found == 1 else "s"))
    if ended:
        tags.append('<span class="tag">ended early</span>')
    return " ".join(tags) or '<span class="tag good">nothing found</span>'


def _report(heading: str, report: Dict[str, Any]) -> str:
    host = report["host"]
    how = [" ".join(str(host[key]) for key in ("implementation", "version", "flavour", "platform") if host.get(key))]
    if report["windows"]:
        how.append("%d window%s of %d runs" % (report["windows"], "" if report["windows"] == 1 else "s", report["runs"]))
    parts = ["<section>"]
    if heading:
        parts.append("<h2>%s</h2>" % escape(heading))
        if not report["findings"] and "error" not in report:
            parts.append("<p>%s</p>" % _verdict(0, 0))
    parts.append('<p class="faint">%s</p>' % escape("; ".join(how)))
    if "error" in report:
        parts.append('<div class="card error"><strong>Ended early:</strong> %s</div>' % escape(report["error"]))
    parts.extend(_finding(finding, report["runs"]) for finding in report["findings"])
    parts.append(_notes(report["notes"]))
    parts.append("</section>")
    return "\n".join(parts)


def _notes(notes: Sequence[str]) -> str:
    return "<h4>Notes</h4><ul>%s</ul>" % "".join("<li>%s</li>" % escape(note) for note in notes) if notes else ""


def _finding(finding: Dict[str, Any], runs: int) -> str:
    how = " per run" if runs else ""
    parts = [
        '<article class="card"><h3><span class="tag">%s</span><code>%s</code></h3>'
        % (escape(finding["kind"]), escape(named(finding["type"], finding["classes"]))),
        "<p>%s</p>" % escape(_change(finding, runs)),
    ]
    is_leak = finding["kind"] != OVER_RELEASE
    if finding["kind"] == MEMORY:
        parts.append("<h4>Bytes that were not freed, window by window</h4>" + drawing.bars(finding["growth"]))
    elif finding["growth"]:
        what = "References that no object shows" if is_leak else "References released too often"
        parts.append("<h4>%s, window by window</h4>" % what + drawing.bars(finding["growth"]))
    if finding["folded"]:
        parts.append("<h4>Held only by these</h4><ul>%s</ul>" % "".join(_folded(one, how) for one in finding["folded"]))
    for name, what in (("unmatched", "Who"), ("candidates", "One of these")):
        culprits = ["<li>%s it: %s%s</li>" % (escape(one["what"]), _frame(one), _source(one)) for one in finding.get(name, [])]
        if culprits:
            parts.append("<h4>%s</h4><ul>%s</ul>" % (what, "".join(culprits)))
    for index, example in enumerate(finding["examples"]):
        parts.append(_example(finding["type"], example, is_leak, is_open=index == 0))
    parts.append("</article>")
    return "\n".join(parts)


def _change(finding: Dict[str, Any], runs: int) -> str:
    if finding["kind"] == MEMORY:
        return taken(finding["type"], finding.get("blocks_per_run"), finding["bytes_per_run"]) + ", never freed"
    change = finding["references_per_run"]
    references, objects = counted(change, "reference"), counted(finding["objects_per_run"], "object")
    if not runs:
        return references
    if finding["kind"] == OVER_RELEASE:
        too_many = "Each run releases %s reference%s too many" % (number(abs(change)), "" if change == -1 else "s")
        return "%s, %s" % (too_many, objects) if finding["objects_per_run"] else too_many
    return "%s and %s per run" % (references, objects)


def _folded(folded: Dict[str, Any], how: str) -> str:
    return "<li>%s%s of <code>%s</code></li>" % (counted(folded["objects"], "object"), how, escape(folded["type"]))


def _example(type_name: str, example: Dict[str, Any], is_leak: bool, is_open: bool) -> str:
    # Most texts already have the address.
    where = "" if example["address"] in example["repr"] else ' <span class="faint">at %s</span>' % escape(example["address"])
    parts = [
        "<details%s><summary><code>%s</code>%s</summary>" % (" open" if is_open else "", escape(example["repr"]), where),
    ]
    if "bytes" not in example:
        parts.append(
            "<p>References counted: %d. References that other objects visibly hold: %d.</p>"
            % (example["refcount"], example["explained"])
        )
        parts.append(drawing.graph(type_name, example, is_leak))
    frames = ["<li>%s</li>" % _frame(frame) for frame in example.get("birth") or example.get("first_used") or []]
    if "python" in example:
        frames.append('<li class="faint">called from %s</li>' % escape(example["python"]))
    if frames:
        what = "Memory first used in" if example.get("first_used") else "Taken in" if "bytes" in example else "Born in"
        parts.append('<h4>%s, innermost first</h4><ol class="stack mono">%s</ol>' % (what, "".join(frames)))
    parts.append("</details>")
    return "\n".join(parts)


def _source(culprit: Dict[str, Any]) -> str:
    return "<br><code>%s</code>" % escape(culprit["source"]) if "source" in culprit else ""


def _frame(frame: Dict[str, Any]) -> str:
    where: List[str] = []
    if "file" in frame:
        where.append("%s:%s" % (frame["file"], frame["line"]) if "line" in frame else frame["file"])
    elif "library" in frame:
        where.append("%s+%s" % (frame["library"], frame.get("offset", "?")))
    function = "<strong>%s</strong> " % escape(frame["function"]) if "function" in frame else ""
    return function + '<span class="faint">%s</span>' % escape("".join(where))
