"""Objects that a profiler or tracer keeps during a check are no leak of the checked function."""

import pytest
from conftest import program

pytestmark = pytest.mark.usefixtures("attached")


def test_a_profiler_keeps_the_code_that_it_saw():
    out = program("""
import cProfile
def work():
    names = {}
    exec("def made(): return [].append(1)", names)
    names["made"]()
with cProfile.Profile() as profile:
    good = pyrefcore.check(work, runs=20)
    bad = pyrefcore.check(lambda: incref(Thing()), runs=20)
print(good.ok or good)
print([(one.type, one.references_per_run) for one in bad.findings])
print(len(profile.getstats()) > 60)
""")
    assert out == "True\n[('__main__.Thing', 1.0)]\nTrue\n"


THREADS = """
import threading
def run():
    thread = threading.Thread(target=len, args=([],))
    thread.start()
    thread.join()
seen = []
def trace(frame, event, arg):
    incref(Thing())
    if len(seen) < 1:
        seen.append(event)
threading.settrace(trace)
"""


def test_a_tracer_of_threads_sees_none_meanwhile():
    out = program(THREADS + """
report = pyrefcore.check(run, runs=20)
print(report.ok or report, seen)
run()
print(seen)
""")
    assert out == "True []\n['call']\n"


def test_a_hook_for_threads_that_the_function_sets_stays():
    out = program(THREADS + """
other = lambda frame, event, arg: None
pyrefcore.check(lambda: threading.settrace(other), runs=2)
print(threading._trace_hook is other)
""")
    assert out == "True\n"
