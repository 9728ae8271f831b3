"""A check leaves the process unchanged after its end, an exception, a refusal, or an interrupt at any moment."""

import os
import sys
import sysconfig

import pytest
from conftest import check, incref, program
from surroundings import changed, state

pytestmark = pytest.mark.usefixtures("attached")

HERE = os.path.dirname(os.path.abspath(__file__))
TEST = "sys.path.insert(0, %r)\nfrom surroundings import changed, state, SENTINEL\nimport threading\n" % HERE


class Thing:
    pass


def end_with(error):
    def fn():
        if error is not None:
            raise error

    return fn


ERRORS = [ValueError(), SystemExit(), GeneratorExit(), StopIteration(), MemoryError(), RecursionError()]


@pytest.mark.slow
@pytest.mark.parametrize("error", [None] + ERRORS)
@pytest.mark.parametrize("more", [{}, {"births": True}, {"guard": False}, {"warmup": 2}])
def test_an_end_and_an_exception(error, more):
    before = state()
    report = check(end_with(error), runs=2, **more)
    assert changed(before) == {}
    assert report.exception is error


def test_findings():
    before = state()
    assert not check(lambda: incref(Thing()), runs=3).ok
    assert changed(before) == {}


def test_changes_by_the_function_stay():
    code = """
report = pyrefcore.check(gc.disable, runs=2)
print(gc.isenabled())
gc.enable()
report = pyrefcore.check(lambda: None, runs=2)
print(gc.isenabled())
gc.disable()
report = pyrefcore.check(lambda: None, runs=2)
print(gc.isenabled())
"""
    assert program(code).split() == ["False", "True", "False"]


def test_refusals():
    out = program(TEST + """
from pyrefcore.core import native, windows
before = state()
core = native.library()
class Refusing:
    def __getattr__(self, name):
        return getattr(core, name)
    def pyrefcore_snapshot_try(self, place):
        return b"refused"
    def pyrefcore_guard_look(self):
        return -1
    def pyrefcore_guard_why_not(self):
        return b"refused"
native.library = Refusing
for what in (lambda: pyrefcore.check(list), pyrefcore.audit):
    try: print(what().error)
    except RuntimeError as error: print(error)
native.library = lambda: core
print(changed(before))
pyrefcore.detach()
before = state()
attach = pyrefcore.check.__globals__["attach"]
pyrefcore.check.__globals__["attach"] = list
print(pyrefcore.check(list).error)
print(changed(before))
""")
    detached = "no snapshot could be taken (the audit is not attached to this Python) in run 1"
    assert out.splitlines() == ["no snapshot could be taken (refused) in run 1", "refused", "{}", detached, "{}"]


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="threads take turns")
def test_a_refusal_because_of_threads():
    out = program(TEST + """
stop = threading.Event()
thread = threading.Thread(target=stop.wait)
thread.start()
before = state()
print(pyrefcore.check(list).error)
print(changed(before))
stop.set()
thread.join()
""")
    assert "there are more" in out and out.endswith("{}\n")


# Python handles a signal between two instructions. Here one comes before each instruction of the code that changes the
# process.
INTERRUPTED = """
package = os.path.join(os.path.dirname(pyrefcore.__file__), "core")
HOLDERS = ("windows.py", "check.py", "graph.py")
thing = Thing()
def leak():
    incref(thing)
def work():
    pyrefcore.check(leak, runs=1, windows=2)
threading.settrace(lambda *_: None)
met, raised, wanted = [], [], None
def step(frame, event, _):
    if event == "opcode":
        place = (frame.f_code, frame.f_lasti)
        if wanted is None:
            met.append(place)
        elif place == wanted:
            raised.append(place)
            raise KeyboardInterrupt
    return step
def trace(frame, event, _):
    file = frame.f_code.co_filename
    if os.path.dirname(file) == package and os.path.basename(file) in HOLDERS:
        frame.f_trace_opcodes = True
        return step
work()
before = state()
sys.settrace(trace)
work()
sys.settrace(None)
places, lost, missed = list(dict.fromkeys(met)), [], []
for wanted in places[::%d]:
    del met[:], raised[:]
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt as interrupt:
        del interrupt
    else:
        (lost if raised else missed).append(wanted)
    sys.settrace(None)
    why = changed(before)
    if why:
        print(wanted, why)
        break
# What grows beside the function decides over a few instructions, so not each run reaches them.
print(len(places) > 20, lost, missed if len(missed) > 5 else "")
threading.settrace(None)
"""


# PYREFCORE_TEST_EVERY=1 tests all instructions, which takes minutes.
@pytest.mark.slow
@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="3.12 does not report each instruction of a frame")
def test_an_interrupt_before_any_instruction():
    every = int(os.environ.get("PYREFCORE_TEST_EVERY", 25))
    assert program(TEST + INTERRUPTED % every) == "True [] \n"


@pytest.mark.slow
def test_signals_at_any_time():
    out = program(TEST + """
import signal, time
thing = Thing()
def leak():
    incref(thing)
pyrefcore.check(leak, runs=1, windows=2)
armed = False
def interrupt(*_):
    if armed:
        raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
before = state()
interrupted = 0
started = time.monotonic()
pyrefcore.check(leak, runs=1, windows=2)
lasts = time.monotonic() - started
for number in range(40):
    # One signal comes in each round, and only while the check may be interrupted.
    try:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, max(lasts * number / 40, 1e-5))
        pyrefcore.check(leak, runs=1, windows=2)
        armed = False
    except KeyboardInterrupt:
        interrupted += 1
    armed = False
    signal.setitimer(signal.ITIMER_REAL, 0)
    why = changed(before)
    if why:
        print(number, why)
print(interrupted > 10)
""")
    assert out == "True\n"


def test_a_check_that_has_not_begun_changes_nothing(attached):
    from pyrefcore.core import native, windows

    windows.Windows(lambda: None, 5).close()
    core = native.library()
    settings = (core.pyrefcore_audit_quarantine, core.pyrefcore_audit_zeroing, core.pyrefcore_audit_memory)
    assert [setting(False) for setting in settings] == [0, 0, 0]
