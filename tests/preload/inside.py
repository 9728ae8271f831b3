"""The functions that the tests of this folder run inside the tested Python: inside.py LIBRARY FUNCTION.

The tests compare their output with a run without the library, or with an expected text.
"""

import ctypes
import gc
import os
import sys
import threading
import time

import objects
from objects import work, churn, in_table
from table import LIBRARY, core, types, quiet, Thing


def threads():
    kept = [[] for _ in range(8)]
    mark = core.pyrefcore_mark()

    def run(mine, number):
        for turn in range(400):
            mine.append(Thing())
            Thing(), [Thing()], {turn: Thing()}
            if turn % 40 == 0:
                work(20)
                time.sleep(0)

    running = [threading.Thread(target=run, args=(mine, number)) for number, mine in enumerate(kept)]
    [thread.start() for thread in running]
    [thread.join() for thread in running]
    print(types(mark).get("Thing", 0))
    kept.clear()
    gc.collect()
    print(types(mark).get("Thing", 0))
    in_table()


def fork():
    sys.stdout.flush()
    kept = [Thing() for _ in range(100)]
    child = os.fork()
    if child == 0:
        kept += [Thing() for _ in range(50)]
        good = types().get("Thing", 0) == 150
        del kept[:]
        work(2000)
        os._exit(0 if good and types().get("Thing", 0) == 0 else 1)
    status = os.waitpid(child, 0)[1]
    print("child", status, "parent", types().get("Thing", 0))


def fork_and_leave():
    """One child ends as a program does, and one by os._exit."""
    kept = [Thing() for _ in range(10)]
    for leave in (lambda: sys.exit(5), lambda: os._exit(6)):
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            kept += [Thing() for _ in range(20)]
            leave()
        print("child", os.waitpid(child, 0)[1] >> 8)


def subinterpreters():
    try:
        import _xxsubinterpreters as module
    except ImportError:
        import _interpreters as module
    code = "import json, re; x = [json.loads('[1.5, {}]') for _ in range(200)]; re.compile('a(b|c)*').match('abc')"
    for round in range(6):
        ids = [module.create() for _ in range(3)]
        for one in ids:
            module.run_string(one, code)
        for one in ids:
            module.destroy(one)
        if round == 2 and LIBRARY != "-":
            quiet()
            middle = core.pyrefcore_live_count(0)
    if LIBRARY != "-":
        quiet()
        in_table()
        grown = core.pyrefcore_live_count(0) - middle
        print("grown a lot:", grown > int(os.environ.get("PRELOAD_GROWTH", "100000")), file=sys.stderr)
    print("done")


def deep():
    for make in (lambda x: [x], lambda x: (x,), lambda x: {1: x}, lambda x: Holder(x)):
        chain = None
        for _ in range(300000):
            chain = make(chain)
        del chain
    print("gone")


class Holder:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x


def tracemalloc():
    import tracemalloc
    here = os.path.abspath(__file__)

    def lines(op):
        trace = tracemalloc.get_object_traceback(op)
        return trace and [(os.path.basename(frame.filename), frame.lineno) for frame in trace]

    def first(kind):
        return kind()

    def second(kind):
        return kind()

    a, b, c = object(), object(), object()
    number = 3.5
    kinds = {
        "tuple": lambda: (a, b, c), "tuple of a call": lambda: tuple([a, b]), "dict": lambda: {a: b},
        "empty dict": lambda: dict(), "list": lambda: [a, b], "empty list": lambda: list(),
        "float": lambda: number * 2.0, "float of text": lambda: float("3.25"), "bytes": lambda: b"%d" % 7777,
        "str": lambda: "x%s" % a.__class__, "set": lambda: {a}, "frozenset": lambda: frozenset([a]),
        "slice": lambda: slice(a, b), "int": lambda: int("12345678901234567890"), "method": lambda: a.__str__,
        "context": lambda: __import__("contextvars").copy_context(), "lambda": lambda: (lambda: a),
        "generator": lambda: (x for x in ()), "bound": lambda: first.__get__(a), "Thing": lambda: Thing(),
        "cell": lambda: (lambda x: (lambda: x).__closure__[0])(5), "range": lambda: range(5000),
        "memoryview": lambda: memoryview(b"xyz"), "exception": lambda: ValueError("x"), "complex": lambda: 2j * number,
        "deque": lambda: __import__("collections").deque((1, 2)), "iterator": lambda: iter([a]),
    }

    forever = []

    def all_of_them(title):
        print(title, "limit", tracemalloc.get_traceback_limit())
        use_up()
        for name, kind in kinds.items():
            for _ in range(3):
                op = first(kind)
                before = lines(op)
                del op
                op = second(kind)
                print(name, before, lines(op))
                del op

    def use_up():
        # Free lists hold blocks from before the start, which are not traced. Use these up first.
        held = [[], [], [], [], []]
        for n in range(3000):
            for place, op in enumerate(((a, b, c), (a, n), {a: b}, [a, b], number * n)):
                held[place].append(op)
        forever.append([one[:2500] for one in held])
        del held[:], op

    tracemalloc.start(4)
    all_of_them("started")
    kept = [[object()] for _ in range(50)], [(a, n) for n in range(50)], [{n: a} for n in range(50)]
    kept += ([n * 0.5 for n in range(50)],)
    for one in kept:
        del one[::2]
    kept += ([[n, n] for n in range(30)], [(n, a) for n in range(30)], [dict() for n in range(30)], [n / 7 for n in range(30)])
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, here)])
    for statistic in sorted(snapshot.statistics("lineno"), key=lambda s: s.traceback):
        print(os.path.basename(statistic.traceback[0].filename), statistic.traceback[0].lineno, statistic.size, statistic.count)
    tracemalloc.stop()
    print("stopped", lines(kept[0]), tracemalloc.is_tracing(), tracemalloc.get_traced_memory())
    tracemalloc.start(1)
    print("before the start", lines(kept[0]))
    all_of_them("again")
    tracemalloc.clear_traces()
    all_of_them("cleared")
    tracemalloc.stop()
    tracemalloc.start(65535)
    use_up()

    def down(levels):
        if levels:
            return down(levels - 1)
        return [first(kinds["tuple of a call"]), second(kinds["list"]), first(kinds["float"]), second(kinds["dict"])]

    for op in down(200):
        print("deep", len(lines(op)), lines(op)[-3:])
    for _ in range(5):
        tracemalloc.stop()
        tracemalloc.start(3)
        use_up()
        print(len(lines(first(kinds["dict"]))))
    current, peak = tracemalloc.get_traced_memory()
    print(0 < current <= peak)


def switch():
    """Switches the live table on while the interpreter runs."""
    old = [Thing() for _ in range(20)]
    assert core.pyrefcore_watch(1) == 0
    new = [Thing() for _ in range(30)]
    print("born since:", types().get("Thing", 0))
    del old
    print("born since:", types().get("Thing", 0))
    churn()
    del new[:]
    print("left:", types().get("Thing", 0))
    core.pyrefcore_unwatch(1)
    work(100)
    core.pyrefcore_watch(1)
    churn()


def leak():
    kept = [Thing() for _ in range(12345)]
    for op in kept:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(op))


def ref_tracer():
    """Sets a tracer written in C, as any program may, and prints the numbers of its events."""
    helper = ctypes.PyDLL(sys.argv[3])
    helper.heard.restype = ctypes.c_long
    address = ctypes.cast(helper.tracer, ctypes.c_void_p)
    api = ctypes.pythonapi
    api.PyRefTracer_SetTracer.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    api.PyRefTracer_GetTracer.restype = ctypes.c_void_p
    api.PyRefTracer_GetTracer.argtypes = [ctypes.c_void_p]
    data = ctypes.c_void_p()
    work(200)
    gc.collect()
    gc.disable()
    # The attribute cache releases a name when another name replaces it, which depends on addresses. So clear it.
    getattr(sys, "_clear_internal_caches", lambda: None)()
    assert api.PyRefTracer_SetTracer(address, 4242) == 0
    work(500)
    sum(len({n: [n]}) for n in range(100))
    same = api.PyRefTracer_GetTracer(ctypes.byref(data)) == address.value
    api.PyRefTracer_SetTracer(None, None)
    heard = [helper.heard(event) for event in (0, 1)]
    work(100)
    print(heard, "later", [helper.heard(event) for event in (0, 1)] == heard, "named", same, data.value,
          "wrong data", helper.heard(3))
    api.PyRefTracer_SetTracer(address, 4242)
    [Thing() for _ in range(1000)]
    api.PyRefTracer_SetTracer(None, None)
    more = [helper.heard(event) for event in (0, 1)]
    print(more[0] - heard[0] >= 1000, more[1] - heard[1] >= 1000)
    print(api.PyRefTracer_GetTracer(None) is None)



if __name__ == "__main__":
    {**vars(objects), **globals()}[sys.argv[2]]()
