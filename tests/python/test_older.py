"""Memory that a structure older than the check holds is no leak, whatever way the structure leads to it."""

import itertools
import sys
import sysconfig
import xml.etree.ElementTree as ElementTree

import extension
import pytest
from conftest import check

pytestmark = [
    pytest.mark.usefixtures("attached"),
    pytest.mark.skipif(
        bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="mimalloc does not say how long a block is"
    ),
]

# What a run does, and the length, the used places, the offset and the alignment of the table.
WAYS = {
    "addresses behind a header, resized": ("resize(store, next(number))", 5000, 5000, 8, 16),
    "addresses behind a header, replaced": ("replace(store, next(number))", 5000, 5000, 8, 16),
    "addresses far behind a header, replaced": ("replace(store, next(number))", 5000, 5000, 32, 16),
    "a table of more than a megabyte": ("add(store, 140000 + next(number))", 200000, 140000, 0, 16),
    "an aligned table": ("add(store, 1000 + next(number))", 5000, 1000, 0, 64),
    "an aligned table in pages of its own": ("add(store, 1000 + next(number))", 50000, 1000, 0, 64),
    "tagged links": ("insert(store, 50 + 7 * next(number))", 2, 0, 1, 16),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_memory_of_an_older_structure_is_quiet(way):
    statement, *arguments = WAYS[way]
    setup = "import itertools\nnumber = itertools.count()\nstore = older.store(%d, %d, %d, %d)" % tuple(arguments)
    if "links" in way:
        setup += "\nfor _ in range(2000): older.insert(store, 0)"
    report = extension.check("older", setup, "older." + statement)
    assert report["findings"] == [], report


def test_children_of_older_elements():
    elements = [ElementTree.Element("a", {"key": "value"}) for _ in range(1000)]
    children = [ElementTree.Element("b") for _ in range(5)]
    for element in elements:
        element.extend(children[:4])
    number = itertools.count()
    # The fifth child moves the children to a longer block.
    report = check(lambda: elements[next(number)].append(children[4]), runs=20)
    assert report.ok, str(report)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring exists from 3.12 on")
def test_events_of_older_code():
    def make(number, names={}):
        exec("def function(x):\n    y = x\n    return y", names)
        return names["function"]

    functions = [make(number) for number in range(500)]
    monitoring = sys.monitoring
    tool, events = 3, monitoring.events
    monitoring.use_tool_id(tool, "test")
    try:
        for event in (events.LINE, events.PY_START):
            monitoring.register_callback(tool, event, lambda *_: None)
        for function in functions:
            monitoring.set_local_events(tool, function.__code__, events.PY_START)
            function(1)
        number = itertools.count()

        def watch_lines():
            function = functions[next(number)]
            monitoring.set_local_events(tool, function.__code__, events.PY_START | events.LINE)
            function(1)

        report = check(watch_lines, runs=20)
        assert report.ok, str(report)
    finally:
        monitoring.free_tool_id(tool)
