"""numpy's arrays hold the objects in their data: kept arrays are no leak, and leaks of these objects are found."""

import ctypes
import functools

import pytest

import held_numpy
from conftest import decref, incref, only
from held_families import Plain
from pyrefcore.core import native
from test_holds import RUNS, Spec, held_by, unexplained

numpy = pytest.importorskip("numpy")
SHAPES = held_numpy.SHAPES


class Thing(Plain):
    """The object in the arrays."""


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_an_array_has_no_reference_too_many(name, attached):
    kept = SHAPES[name](Thing())
    found = attached.audit().findings
    # numpy counts too few references to its own DTypes, which never die. Up to 3.11 this shows.
    assert not [one for one in found if not any(name.startswith("numpy.dtypes.") for name in one.classes)], found
    assert kept is not None


def test_items_of_arrays_are_explained(attached):
    types = {name: type(name, (Thing,), {}) for name in SHAPES}
    found = unexplained(lambda: [SHAPES[name](made()) for name, made in types.items()])
    assert not found, found


def test_a_leak_of_an_arrays_item_is_found(attached):
    types = {name: type(name, (Thing,), {}) for name in SHAPES}

    def make():
        things = {name: made() for name, made in types.items()}
        for thing in things.values():
            incref(thing)
        return [SHAPES[name](thing) for name, thing in things.items()]

    found = {name.decode().split(".")[-1]: (kind, references) for kind, name, references in unexplained(make)}
    assert found == {name: (native.LEAK, [RUNS] * 3) for name in SHAPES}


def test_a_missing_reference_to_an_arrays_item_is_found(attached):
    kept = [Thing() for _ in range(1000)]
    free, arrays = iter(kept), []

    def run():
        thing = next(free)
        arrays.append(numpy.array([thing], dtype=object))
        decref(thing)

    report = attached.check(run, runs=10)
    assert [(one.kind, one.references_per_run) for one in report.findings] == [("over-release", -1.0)], str(report)
    for array in arrays:
        incref(array[0])


def test_the_items_of_a_leaked_array_are_listed_below_it(attached):
    def run():
        incref(numpy.array([Thing(), Thing()], dtype=object))

    one = only(attached.check(run, runs=10))
    assert (one.kind, one.type, one.references_per_run) == ("leak", "numpy.ndarray", 1.0)
    assert [(held.type.split(".")[-1], held.objects) for held in one.folded] == [("Thing", 2.0)]


def test_a_cache_of_arrays_may_grow(attached):
    @functools.lru_cache(maxsize=4096)
    def cached(number):
        return numpy.array([object(), [number]], dtype=object)

    numbers = iter(range(4096))
    report = attached.check(lambda: cached(next(numbers)), runs=10)
    assert report.ok, str(report)


def test_a_view_holds_its_base_and_not_the_items(attached):
    thing = Thing()
    array = numpy.array([thing, thing], dtype=object)
    assert sum(one is thing for one in held_by(array)) == 2
    view = array[:]
    assert [one for one in held_by(view) if one is thing] == []
    assert any(one is array for one in held_by(view))


@pytest.mark.parametrize("field", ["object", "one", "several"])
def test_every_object_of_a_structure_is_met_once(field, attached):
    dtype = held_numpy.STRUCTURED if field == "object" else held_numpy.NESTED
    thing, array = Thing(), numpy.zeros(2, dtype=dtype)
    if field == "object":
        array[field], wanted = thing, 2
    elif field == "one":
        array[field]["object"], wanted = thing, 2
    else:
        array[field]["rest"]["object"], wanted = thing, 12
    assert sum(one is thing for one in held_by(array)) == wanted


def test_a_type_with_the_name_of_an_array_is_none(attached):
    make = ctypes.pythonapi.PyType_FromSpec
    make.restype = ctypes.py_object
    no_slots, head = ctypes.create_string_buffer(16), object.__basicsize__
    spec = Spec(b"numpy.ndarray", numpy.ndarray.__basicsize__, 0, 0, ctypes.addressof(no_slots))
    false, thing, kept = make(ctypes.byref(spec)), Thing(), []
    data, dtype = ctypes.c_size_t(id(thing)), numpy.dtype(object)

    def run():
        kept.append(false())
        # The words of a real array with one item, the object.
        words = (ctypes.c_size_t * 7).from_address(id(kept[-1]) + head)
        words[0], words[5], words[6] = ctypes.addressof(data), id(dtype), 4
        incref(thing)
        incref(dtype)

    one = only(attached.check(run, runs=10))
    assert (one.kind, one.type.split(".")[-1], one.references_per_run) == ("leak", "Thing", 1.0)
