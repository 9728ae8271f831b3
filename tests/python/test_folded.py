"""Objects that only leaked objects hold are listed under the finding of the object that holds them."""

import pytest
from conftest import check, incref, only

pytestmark = pytest.mark.usefixtures("attached")


class Thing:
    pass


def folded(finding):
    return {one.type.split(".")[-1]: one.objects for one in finding.folded}


@pytest.mark.slow
def test_an_object_that_only_a_leaked_object_holds_is_folded():
    def leak():
        inside = bytearray(b"inside")
        incref([inside])

    found = only(check(leak))
    assert (found.type, found.references_per_run) == ("list", 1.0)
    assert folded(found)["bytearray"] == 1.0
    assert [one.type for one in found.examples[0].referents] == ["bytearray"]


@pytest.mark.slow
def test_each_leak_lists_only_its_own_objects():
    class Other(Thing):
        pass

    class Third(Thing):
        pass

    def leak():
        one, other, third = Thing(), Other(), Third()
        one.held, other.held, third.held = [[1], [1]], [[2]], {3}
        incref(one), incref(other), incref(third)

    # `old` is leaked again and again. Its older contents are not part of the leak.
    old = Thing()
    old.held = [bytearray(1) for _ in range(1000)]

    def leaks_old():
        thing = Other()
        thing.held = bytearray(2)
        incref(old), incref(thing)

    found = {one.type.split(".")[-1]: folded(one) for one in check(leak, runs=10).findings}
    assert [found["Thing"]["list"], found["Other"]["list"], found["Third"]["set"]] == [3.0, 2.0, 1.0]
    assert "set" not in found["Thing"] and "list" not in found["Third"]
    found = {one.type.split(".")[-1]: folded(one) for one in check(leaks_old, runs=10).findings}
    assert found["Thing"] == {} and found["Other"]["bytearray"] == 1.0


@pytest.mark.slow
def test_a_dozen_leaks_hold_one_list_each():
    kinds = [type("Kind%d" % number, (Thing,), {}) for number in range(12)]

    def leak():
        for kind in kinds:
            thing = kind()
            thing.held = [1]
            incref(thing)

    report = check(leak, runs=2, births=False)
    assert [folded(one)["list"] for one in report.findings] == [1.0] * 12


@pytest.mark.slow
def test_objects_below_a_leak_may_hold_each_other():
    def leak():
        things = [Thing() for _ in range(3)]
        things[0].other, things[1].other, things[2].other = things[1], things[0], things[2]
        incref((things[0],)), incref(frozenset(things[2:]))

    found = {one.type: folded(one)["Thing"] for one in check(leak, runs=10).findings}
    assert found == {"tuple": 2.0, "frozenset": 1.0}


@pytest.mark.slow
def test_an_object_of_two_leaks_is_named_once():
    def leak():
        both = bytearray(1)
        incref([both]), incref((both, both))

    found = check(leak, runs=10).findings
    assert sorted(one.type for one in found) == ["list", "tuple"]
    # From 3.15 on a bytearray holds a bytes object.
    assert [name for one in found for name in folded(one) if name != "bytes"] == ["bytearray"]
