"""Functions that misbehave: the report says so in a clear sentence, and keeps what was counted."""

import ctypes
import functools
import sys
import sysconfig
import threading

import pytest
from conftest import check, incref, program

pytestmark = pytest.mark.usefixtures("attached")


class Thing:
    pass


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"fn": 3}, TypeError),
        ({"runs": 3.5}, TypeError),
        ({"warmup": "3"}, TypeError),
        ({"runs": 0}, ValueError),
        ({"windows": 1}, ValueError),
        ({"warmup": -1}, ValueError),
    ],
)
def test_misuse_is_refused(arguments, error):
    arguments = dict({"fn": len}, **arguments)
    with pytest.raises(error):
        check(arguments.pop("fn"), **arguments)


def test_coroutines_and_generators_are_refused():
    async def coroutine():
        pass

    def generator():
        yield

    async def both():
        yield

    class Callable:
        async def __call__(self):
            pass

    for work, kind in (
        (coroutine, "a coroutine"),
        (Callable(), "a coroutine"),
        (functools.partial(coroutine), "a coroutine"),
        (generator, "a generator"),
        (both, "an asynchronous generator"),
    ):
        with pytest.raises(TypeError, match=kind):
            check(work)


def raising_at(run, error):
    thing, count = Thing(), [0]

    def fn():
        count[0] += 1
        incref(thing)
        if count[0] == run:
            raise error

    return fn


def test_an_exception_at_once():
    error = ValueError("no")
    report = check(raising_at(1, error))
    assert not report.ok and report.findings == [] and report.windows == 0
    assert report.error == "raised ValueError: no in run 1" and report.exception is error
    assert any("nothing was counted" in note for note in report.notes)


def test_a_function_that_raises_only_under_the_guard_runs_without_it():
    thing = Thing()

    def needs_few_references():
        # sys.getrefcount does not include the guard's references, so read the count itself.
        if ctypes.c_int32.from_address(id(thing)).value > 100000:
            raise ValueError("shared")

    report = check(needs_few_references)
    assert report.ok and any("nothing was held during the check" in note for note in report.notes), str(report)


def test_an_exception_later_keeps_the_counted_windows():
    report = check(raising_at(365, ValueError("no")), runs=10, warmup=340)
    assert report.error == "raised ValueError: no in run 365"
    assert report.windows == 2 and [one.growth for one in report.findings] == [[10, 10]]
    assert "did not finish: raised ValueError: no in run 365" in str(report)


def test_one_window_can_not_be_compared():
    report = check(raising_at(365, ValueError("no")), runs=10, warmup=350)
    assert report.windows == 0 and report.findings == []
    assert any("nothing was counted" in note for note in report.notes)


def test_an_exception_while_births_are_recorded_comes_too_late():
    report = check(raising_at(363, ValueError("no")), runs=10, warmup=330)
    assert report.windows == 3 and [one.growth for one in report.findings] == [[10, 10, 10]]


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit()])
def test_an_error_that_is_no_exception_is_reported_too(error):
    assert check(raising_at(5, error)).exception is error


def test_an_exception_whose_text_raises():
    class Odd(Exception):
        def __str__(self):
            raise ValueError

    assert check(raising_at(2, Odd())).error.endswith("Odd in run 2")


def test_ctrl_c_goes_on_with_the_report():
    import pyrefcore

    with pytest.raises(KeyboardInterrupt) as caught:
        check(raising_at(386, KeyboardInterrupt()), runs=10, warmup=360, windows=5)
    assert isinstance(caught.value, pyrefcore.Interrupted)
    assert caught.value.report.windows == 2 and caught.value.report.error == "interrupted in run 386"


def test_nothing_stays_held_after_an_exception():
    import sys

    thing = Thing()
    before = sys.getrefcount(thing)
    check(raising_at(3, ValueError()))
    assert sys.getrefcount(thing) == before


def test_memory_that_runs_out():
    out = program("""
import resource
def fill():
    kept = []
    while True:
        kept.append(bytearray(1 << 22))
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 29), resource.RLIM_INFINITY))
report = pyrefcore.check(fill)
print(report.error, report.ok, isinstance(report.exception, MemoryError))
""")
    assert out == "raised MemoryError in run 1 False True\n"


def test_a_child_process_that_comes_back_is_ended():
    out = program("""
children = []
def fork():
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        children.append(child)
report = pyrefcore.check(fork, runs=2)
print(report.ok, len(children) > 6, [note for note in report.notes if "child process" in note] != [])
""")
    assert out == "True True True\n"


def test_a_child_process_that_raises_is_ended():
    out = program("""
def fork():
    child = os.fork()
    if child == 0:
        raise ValueError
    os.waitpid(child, 0)
print(pyrefcore.check(fork, runs=2).ok)
""")
    assert out == "True\n"


def test_threads_that_end_are_quiet():
    def work():
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()

    report = check(work, runs=10)
    assert report.ok, str(report)
    assert not [note for note in report.notes if "thread" in note and "free-threaded" not in note]


def test_threads_that_go_on_are_noted():
    stop = threading.Event()
    threads = []

    def work():
        if not threads:
            threads.append(threading.Thread(target=stop.wait))
            threads[0].start()

    try:
        report = check(work, runs=10)
    finally:
        stop.set()
        [thread.join() for thread in threads]
    told = [note for note in report.notes if "1 more thread ran" in note]
    assert told, str(report)


def test_a_function_that_collects_garbage_and_closes_the_output():
    out = program("""
def work():
    gc.collect(); gc.disable(); gc.enable()
    sys.stdout = None
report = pyrefcore.check(work)
os.write(1, b"%d" % report.ok)
""")
    assert out == "1"


# From 3.12 on ctypes calls back into the interpreter that called it. 3.13 renamed the module.
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="works from 3.12 on")
def test_a_sub_interpreter_that_can_not_be_called_back_is_refused():
    code = """
import _xxsubinterpreters as several
inside = "import sys; sys.path[:0] = %r; import pyrefcore\\ntry: pyrefcore.check(list)\\nexcept pyrefcore.NotSupported as error: print(error, flush=True)"
several.run_string(several.create(), inside % sys.path)
print(pyrefcore.check(list, runs=2).ok)
"""
    assert program(code).splitlines() == [
        "ctypes can't call back in this sub-interpreter; check in the main interpreter",
        "True",
    ]


OTHER_INTERPRETERS = """
import threading
try: import _interpreters as several
except ImportError: import _xxsubinterpreters as several
"""


# In 3.12 each interpreter keeps a thread.
@pytest.mark.skipif(sys.version_info < (3, 13), reason="refused, or one allocator")
@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="another interpreter is a second thread: see docs/audit.md"
)
@pytest.mark.parametrize("first", [True, False])
def test_objects_of_another_interpreter_are_not_held(first):
    code = """
made = [several.create()] if %r else []
def function():
    if not made: made.append(several.create())
    several.run_string(made[0], "x = [1]")
report = pyrefcore.check(function, runs=5)
several.destroy(made[0])
print(report.ok, [note[:16] for note in report.notes if "held" in note])
"""
    assert program(OTHER_INTERPRETERS + code % first) == "True ['nothing was held']\n"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="interpreters share one lock until 3.11")
def test_an_interpreter_that_runs_meanwhile_is_refused():
    code = """
other, (ended, end) = several.create(), os.pipe()
work = "import os\\nwhile True:\\n  [(x,) for x in range(999)]\\n  if not os.get_blocking(%d): break" % end
thread = threading.Thread(target=several.run_string, args=(other, work))
thread.start()
print(pyrefcore.check(list).error)
try: pyrefcore.audit()
except RuntimeError as error: print(error)
pyrefcore.detach()
try: pyrefcore.attach()
except pyrefcore.NotSupported as error: print(error)
os.set_blocking(end, False)
thread.join()
several.destroy(other)
print(pyrefcore.check(list).ok)
"""
    why = "another interpreter has threads, and from Python 3.12 on they may run during a snapshot"
    if sys.version_info < (3, 13):
        why = "there is another interpreter, and Python 3.12 does not say whether it is idle; destroy it first"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        why = "on a free-threaded Python the audit works only while one thread runs, and there are more"
    first, second, third, last = program(OTHER_INTERPRETERS + code).splitlines()
    assert (first, second, third, last) == ("no snapshot could be taken (%s) in run 1" % why, why, why, "True")
