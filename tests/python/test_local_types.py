"""A function that makes a new type in each call: leaked instances are found under one name, others are no finding."""

import abc
import collections
import ctypes
import dataclasses
import enum
import functools
import sys
import typing

import extension
import pytest
from conftest import check, decref, incref, only

pytestmark = pytest.mark.usefixtures("attached")


def plain():
    class Local:
        pass

    return Local()


def slotted():
    class Local:
        __slots__ = ("field",)

    return Local()


def failure():
    class Local(Exception):
        pass

    return Local("why")


def named():
    return collections.namedtuple("Named", "first second")(object(), object())


def typed():
    return typing.NamedTuple("Typed", [("first", object)])(object())


def data():
    @dataclasses.dataclass
    class Local:
        field: object

    return Local(object())


def member():
    class Local(enum.Enum):
        ONE = 1

    return Local.ONE


def structure():
    class Local(ctypes.Structure):
        _fields_ = [("field", ctypes.c_int)]

    return Local()


def abstract():
    class Local(abc.ABC):
        pass

    return Local()


def generic():
    class Local(typing.Generic[typing.TypeVar("T")]):
        pass

    return Local()


def made_by_a_class_of_classes():
    class Local(metaclass=type("Meta", (type,), {})):
        pass

    return Local()


KINDS = [
    plain,
    slotted,
    failure,
    named,
    typed,
    data,
    member,
    structure,
    abstract,
    generic,
    made_by_a_class_of_classes,
]


#: The names of the types that these functions make.
NAMES = {
    __name__ + ("." + kind.__name__.title() if kind in (named, typed) else ".%s.<locals>.Local" % kind.__name__)
    for kind in KINDS
}


@pytest.mark.slow
def test_a_leaked_type_has_its_name():
    report = check(lambda: [incref(make()) for make in KINDS] and None, runs=5, births=False)
    assert {one.type for one in report.findings} == NAMES, str(report)
    for found in report.findings:
        assert (found.kind, found.references_per_run, found.objects_per_run) == ("leak", 1.0, 1.0)
        assert len(found.examples) == 8 and any("type" in one.type.lower() or "Meta" in one.type for one in found.folded)


def test_released_types_are_quiet():
    report = check(lambda: [make() for make in KINDS] and None, runs=5, births=False)
    assert report.ok, str(report)


@pytest.mark.slow
def test_visibly_held_types_are_a_note():
    held = []
    assert check(lambda: held.extend(make() for make in KINDS), runs=5, births=False).ok
    report = check(lambda: held.append(plain()), runs=5, births=False)
    assert report.ok, str(report)
    assert any("visibly hold" in note and "Local" in note for note in report.notes), report.notes


def test_a_type_made_in_c_has_its_name():
    report = extension.check("local_type", "", "local_type.leak()")
    assert [(one["type"], one["references_per_run"]) for one in report["findings"]] == [("local_type.Local", 1.0)]
    assert extension.check("local_type", "", "local_type.make()")["ok"]


@pytest.mark.slow
def test_the_same_name_elsewhere_is_another_type():
    def other():
        class Local:
            pass

        return Local()

    def leak():
        incref(plain()), incref(other()), incref(other())

    found = {one.type: one.references_per_run for one in check(leak, runs=5, births=False).findings}
    own = "%s.test_the_same_name_elsewhere_is_another_type.<locals>.other.<locals>.Local" % __name__
    assert found == {own: 2.0, "%s.plain.<locals>.Local" % __name__: 1.0}


@pytest.mark.slow
def test_the_same_name_in_another_module_is_another_type():
    def leak():
        for module in "first", "second":
            incref(type("Local", (), {"__module__": module})())

    types = sorted(one.type for one in check(leak, runs=5, births=False).findings)
    assert types == ["first.Local", "second.Local"]


@pytest.mark.slow
def test_objects_that_only_the_leaked_object_holds_are_folded():
    def leak():
        one = plain()
        one.big, one.more = bytearray(1000), [plain() for _ in range(3)]
        incref(one)

    report = check(leak, runs=5, births=False)
    found = only(report)
    folded = {one.type: one.objects for one in found.folded}
    # The three other instances have the same type, and are counted in the finding.
    assert (found.references_per_run, found.objects_per_run) == (1.0, 4.0)
    assert folded["bytearray"] == 1.0 and folded["list"] == 1.0 and folded["type"] == 4.0
    assert not any("visibly hold" in note for note in report.notes), report.notes


@pytest.mark.slow
def test_classes_that_were_leaked_themselves_are_named():
    found = only(check(lambda: incref(type(plain())), runs=5, births=False))
    assert (found.references_per_run, set(found.classes)) == (1.0, {"%s.plain.<locals>.Local" % __name__})


def test_an_over_release_has_its_name():
    old, runs = plain(), [0]

    def release():
        runs[0] += 1
        decref(old)

    if not hasattr(sys, "gettotalrefcount"):
        found = only(check(release, runs=5, births=False))
        for _ in range(runs[0]):
            incref(old)
        assert (found.kind, found.references_per_run) == ("over-release", -1.0) and found.type in NAMES


@pytest.mark.slow
def test_a_name_may_be_anything():
    def leak():
        one = type("Local", (), {})
        one.__qualname__, one.__module__ = "zero\0 and \u20ac", "\U0001f40d"
        incref(one())

    assert only(check(leak, runs=5, births=False)).type == "\U0001f40d.zero\\x00 and \u20ac"


@pytest.mark.slow
def test_a_module_may_be_no_text():
    def leak():
        incref(type("Local", (), {"__module__": 3})())

    assert only(check(leak, runs=5, births=False)).type == "Local"


@functools.singledispatch
def dispatched(thing):
    return 0


def test_registries_of_types_are_quiet():
    class Base(abc.ABC):
        pass

    def run():
        one = plain()
        dispatched.register(type(one), lambda thing: 1)
        Base.register(type(one))
        return dispatched(one), isinstance(one, Base), isinstance(one, collections.abc.Iterable), typing.List[type(one)]

    report = check(run, runs=5, births=False)
    assert not report.findings, str(report)
