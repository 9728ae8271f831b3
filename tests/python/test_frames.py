"""Frames show only counted references: suspended frames, frame objects, and frames that run during the audit."""

import asyncio
import sys

import pytest

from conftest import incref, only
from held_frames import SHAPES, Thing, started
from pyrefcore.core import native
from test_holds import RUNS, unexplained

# From 3.14 on the stacks of these shapes hold borrowed references.
BORROWED = ["in_a_list", "in_a_tuple", "in_a_call", "the_frame_of_a_generator"]


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_frame_that_has_stopped_has_no_reference_too_many(name, attached):
    kept = SHAPES[name](Thing())
    report = attached.audit()
    assert not report.findings, str(report)
    assert kept is not None


def test_a_leak_from_such_a_frame_is_found(attached):
    types = {name: type(name, (Thing,), {}) for name in SHAPES}

    def make():
        things = {name: made() for name, made in types.items()}
        for thing in things.values():
            incref(thing)
        return [SHAPES[name](thing) for name, thing in things.items()]

    found = {name.decode().split(".")[-1]: (kind, references) for kind, name, references in unexplained(make)}
    assert found == {name: (native.LEAK, [RUNS] * 3) for name in SHAPES}


@pytest.mark.skipif(sys.version_info < (3, 14), reason="every reference of a frame is counted")
@pytest.mark.parametrize("name", BORROWED)
def test_a_borrowed_reference_is_not_counted(name):
    thing = Thing()
    before = sys.getrefcount(thing)
    kept = SHAPES[name](thing)
    shown = sum(one is thing for one in held_by_frame(kept))
    assert shown > sys.getrefcount(thing) - before, "nothing here is borrowed: the other tests show nothing"


def held_by_frame(kept):
    """The referents of the shape, or of each of its parts if it is a list or a tuple."""
    import gc

    parts = list(kept) if isinstance(kept, (list, tuple)) else [kept]
    return [one for part in parts for one in gc.get_referents(part)]


def audited(attached):
    report = attached.audit()
    assert not report.findings, str(report)
    return report


def test_a_generator_may_run_meanwhile(attached):
    def own(x):
        yield x(x, [x, audited(attached)])

    assert len(list(own(Thing()))) == 1


def test_a_generator_whose_frame_is_kept_may_run_meanwhile(attached):
    frames = []

    def own(x):
        frames.append(sys._getframe())
        yield x(x, [x, audited(attached)])
        yield x(x, x.method, [x, audited(attached)])

    generator = own(Thing())
    frames.append(generator.gi_frame)
    assert len(list(generator)) == 2


def test_generators_may_run_in_each_other_meanwhile(attached):
    def own(x, depth):
        yield x(x, [x, audited(attached) if depth == 0 else list(own(x, depth - 1))])

    assert len(list(own(Thing(), 3))) == 1


def test_a_function_whose_frame_is_kept_may_run_meanwhile(attached):
    def own(x):
        frame = sys._getframe()
        return x(x, [x, frame, audited(attached)])

    own(Thing())


def test_a_coroutine_may_run_meanwhile(attached):
    async def inner(x):
        return x(x, [x, audited(attached)])

    async def own(x):
        async for i in numbers():
            return [x, i, await inner(x)]

    async def numbers():
        yield 1

    with pytest.raises(StopIteration):
        own(Thing()).send(None)


def test_references_of_waiting_tasks_are_counted(attached):
    async def wait(x, event):
        return [x, await event.wait()]

    async def each(x, event):
        async for i in stream(x, event):
            return [x, i]

    async def stream(x, event):
        yield [x, await event.wait()]

    async def main():
        event, thing = asyncio.Event(), Thing()
        tasks = [asyncio.ensure_future(function(thing, event)) for function in (wait, each)]
        await asyncio.sleep(0)
        audited(attached)
        event.set()
        for task in tasks:
            await task

    asyncio.run(main())


def test_a_leak_of_a_running_generator_is_found(attached):
    def leak(x):
        incref(x)

    def own(x):
        while True:
            [x, leak(x), (yield)]

    generator = started(own(Thing()))
    one = only(attached.check(lambda: generator.send(None), runs=10))
    assert (one.kind, one.type, one.references_per_run) == ("leak", "held_frames.Thing", 1.0)


def test_a_frame_with_many_words_is_no_finding(attached):
    names = ["x%d" % at for at in range(300)]
    source = "def own(x):\n    %s = x\n    yield [%s, (yield)]" % (" = ".join(names), ", ".join(names * 3))
    space = {}
    exec(source, space)
    kept = started(space["own"](Thing()))
    audited(attached)
    assert kept.gi_frame is not None


