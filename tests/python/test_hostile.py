"""Objects that are hard to show: there is a report, none of their code runs, and none of their text forges a line."""

import json
import sys

import extension
import pytest
from conftest import PACKAGE, check, command, incref, only, program
from pyrefcore.core.contents import Nothing, at, look
from pyrefcore.report.printable import LONGEST, decoded, printable, short
from pyrefcore.core.safe_repr import safe_repr, safe_repr_at, type_name

pytestmark = pytest.mark.usefixtures("attached")

SETUP = "import ctypes, hostile\n"
#: The lies of a traverse function: see hostile.c.
KINDS = (0, 2, 3)


def found(setup, statement):
    """The findings of a check, which must finish."""
    return extension.check("hostile", SETUP + setup, statement)["findings"]


@pytest.mark.parametrize("kind", ["tuple", "list"])
def test_a_container_with_empty_places_is_leaked(kind):
    (one,) = found("", "hostile.empty_%s()" % kind)
    assert (one["kind"], one["type"], one["references_per_run"]) == ("leak", kind, 1)
    assert one["examples"][0]["repr"] in ("[<NULL>, <NULL>]", "(<NULL>, <NULL>)")


def test_a_neighbour_with_empty_places():
    (one,) = found("mark = object(); beside = [hostile.half_tuple(mark), hostile.half_list(mark)]", "hostile.keep(mark)")
    shown = [near["repr"] for near in one["examples"][0]["referrers"]]
    assert any(", <NULL>)" in text for text in shown) and any("[<NULL>, " in text for text in shown)


def test_a_leak_beside_containers_that_are_being_filled():
    report = extension.check(
        "hostile",
        SETUP + "import xml.etree.ElementTree as ET\np=ET.TreeBuilder(); p.start('a',{}); keep=[p]",
        "hostile.keep(keep)",
    )
    assert [one["type"] for one in report["findings"]] == ["list"]


def test_an_object_without_references_is_shown_and_stays_so():
    code = """
import hostile
from pyrefcore.core.safe_repr import safe_repr, safe_repr_at
from pyrefcore.core.contents import has_references
thing = Thing()
address = id(thing)
container = hostile.without_references(address)
print(safe_repr(container), safe_repr_at(address), has_references(address), "0x%x" % address, flush=True)
os._exit(0)
"""
    shown = program("sys.path.insert(0, %r)\n" % extension.build("hostile") + code)
    address = shown.split()[-1]
    assert shown == "(<object without references at {0}>,) <__main__.Thing object without references at {0}> False {0}\n".format(
        address
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, shown",
    [
        ("None", "?"),
        (r"b'a\xff\nleak: 9'", r"a\xff\nleak: 9"),
        ("b'n' * 5000", "n" * (LONGEST - 3) + "..."),
        ("b''", "?"),
        ("'m.\U0001f40d'.encode()", "m.\U0001f40d"),
    ],
)
def test_a_type_of_c_may_have_any_name(name, shown):
    (one,) = found("hostile.name(%s)" % name, "hostile.keep(hostile.named())")
    assert one["type"] == shown and one["references_per_run"] == 1


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.skipif(kind == 2 and sys.version_info < (3, 9), reason="3.8 ends of it"))
        for kind in KINDS
    ],
)
def test_a_traverse_with_side_effects(kind):
    setup = "mark = object(); liars = [hostile.liar(%d) for _ in range(3)]" % kind
    (one,) = found(setup, "hostile.keep(mark)")
    assert (one["kind"], one["type"], one["references_per_run"]) == ("leak", "object", 1)


def test_a_traverse_that_visits_addresses_without_objects():
    """CPython's own collector would crash, so it must not run."""
    code = """
import gc, os, sys
gc.disable()
sys.path.insert(0, %r)
import hostile
pyrefcore.attach()
liars = [hostile.liar(1) for _ in range(3)]
print(pyrefcore.audit().ok, flush=True)
os._exit(0)
"""
    assert program(code % extension.build("hostile")) == "True\n"


@pytest.mark.slow
def test_a_liar_itself_is_leaked():
    types = [one["type"] for one in found("", "hostile.keep(hostile.liar(0))")]
    assert "hostile.Liar" in types


class Text(str):
    def __str__(self):
        raise SystemExit

    __len__ = __getitem__ = __iter__ = __format__ = isprintable = __str__


def raising(error):
    class Odd(Exception):
        def __str__(self):
            raise error

        __repr__ = __str__

    return Odd


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), ValueError(), None])
def test_the_text_of_an_exception_may_raise_anything(error):
    kind = raising(error) if error is not None else type("Odd", (Exception,), {"__str__": lambda self: Text("x\ny")})
    thrown = kind()

    def fn():
        raise thrown

    report = check(fn, runs=2)
    assert report.exception is thrown and ".Odd" in report.error or "Odd" in report.error
    assert "\n" not in report.error
    shown = safe_repr(thrown, unsafe=True)
    assert "Odd" in shown and len(shown) <= 120


def test_the_command_shows_such_an_exception():
    setup = "class Odd(Exception):\n    def __str__(self): raise SystemExit(0)\n    __repr__ = __str__\n    __notes__ = property(__str__)"
    done = command("check", "-s", setup, "raise Odd()")
    assert done.returncode == 2 and "raised __main__.Odd in run 1" in done.stdout and "Odd" in done.stderr


def test_an_interrupt_is_never_taken_for_an_error_of_a_repr():
    class Interrupting:
        __slots__ = ()

        def __repr__(self):
            raise KeyboardInterrupt

    assert "raises KeyboardInterrupt" in safe_repr(Interrupting(), unsafe=True)


def forged(name):
    return "%s\nleak: 9 references to forged per run\x1b[2J\r\u2028\u202e\x00\ud800" % name


def test_names_forge_no_line_of_the_text():
    from pyrefcore import Example, Finding, Folded, Frame, Neighbour, Report

    near = Neighbour(1, forged("type"), forged("repr"))
    birth = [Frame(forged("function"), forged("file"), 3), Frame(library=forged("library"), offset=3)]
    example = Example(1, 2, 1, forged("repr"), [near], [near], birth)
    finding = Finding("leak", forged("type"), 1.0, 1.0, [1, 1], [example], [Folded(forged("folded"), 1.0)], [forged("class")])
    report = Report({}, 1, 2, [finding], [forged("note")], forged("subject"), forged("error"))
    for text in (str(report), printable(forged("x"))):
        for line in text.split("\n"):
            assert line.isprintable() and not line.startswith("leak: 9")
    assert str(report).count(r"\nleak: 9 references to forged per run\x1b[2J\r\u2028\u202e\x00\ud800") >= 10
    str(report).encode("utf-8")


def test_names_of_the_program_forge_no_line():
    class Thing:
        pass

    Thing.__module__ = Thing.__qualname__ = forged("T")
    kept = Thing()
    report = check(lambda: incref(kept), runs=3)
    assert len(report.findings) == 1 and "\n" not in only(report).type
    str(report).encode("utf-8")
    report.to_html().encode("utf-8")
    json.loads(report.to_json())


@pytest.mark.filterwarnings("ignore")
def test_a_class_whose_namespace_compares():
    class Key:
        on = False

        def __hash__(self):
            return hash("__module__")

        def __eq__(self, other):
            assert not self.on
            return False

    named = type("Named", (), {Key(): 1, "__module__": "m"})
    module = type(sys)("m")
    module.__dict__.clear()
    Key.__hash__ = lambda self: hash("__name__")
    module.__dict__.update({Key(): 1, "__name__": "inner"})
    Key.on = True
    assert type_name(named) == "m.Named" and safe_repr(module) == "<module inner>"
    Key.on = False


def test_names_are_printable_and_bounded():
    assert short("a" * 1000) == "a" * (LONGEST - 3) + "..." and short("x" * LONGEST) == "x" * LONGEST
    assert len(short("\n" * LONGEST)) == LONGEST
    assert decoded(b"\xff\x00") == r"\xff\x00" and printable("\xe9 \U0001f40d") == "\xe9 \U0001f40d"
    assert printable(Text("a\nb")) == r"a\nb"
    code = safe_repr.__code__
    if sys.version_info >= (3, 8):
        assert "<code ?" in safe_repr(code.replace(co_name=Text("x")))


def test_containers_are_shown_without_iterating():
    assert look.__doc__ and type(at(id(sys))) is type(sys)
    sparse = set(range(3000))
    sparse -= set(range(2999))
    assert safe_repr(sparse) in ("{2999}", "{}")
    assert safe_repr({"a": {1: frozenset([2])}}) == repr({"a": {1: frozenset([2])}})
    assert Nothing("x").text == "x" and safe_repr_at(id(None)) == "None"
