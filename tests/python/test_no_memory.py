"""If the kernel gives no more memory, an audit and a check are refused, and the process goes on."""

import pytest
from conftest import program

pytestmark = pytest.mark.usefixtures("attached")

LIMITED = """
import resource
from pyrefcore.core.snapshot import NotCounted
pyrefcore.attach()
things = [[number] for number in range(%d)]
answers = []
for headroom in %r:
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (headroom << 20), resource.RLIM_INFINITY))
    try:
        %s
    except (NotCounted, MemoryError) as error:
        answers.append("refused")
    else:
        answers.append("counted")
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert sys.getrefcount(things[0]) == 2
print(*answers)
"""


def test_an_audit_of_a_million_lists_is_refused_or_right():
    heads = [20, 40, 80, 160, 2000]
    answers = program(LIMITED % (10**6, heads, "assert pyrefcore.audit().ok")).split()
    assert len(answers) == len(heads) and answers[0] == "refused" and answers[-1] == "counted"


def test_a_check_is_refused_or_right_and_holds_nothing_afterwards():
    heads = [1, 4, 16, 64, 2000]
    checked = "report = pyrefcore.check(lambda: None, runs=2); assert report.ok or report.error, str(report)"
    checked += "; assert report.ok or headroom < 2000"
    answers = program(LIMITED % (10**4, heads, checked)).split()
    assert len(answers) == len(heads) and answers[-1] == "counted"


def test_memory_of_a_program_before_exec_does_not_count():
    """The kernel keeps the peak memory of a process over `exec`. The audit must not use that peak."""
    here = "used = bytearray(1 << 30)\nos.execv(sys.executable, [sys.executable, '-c', %r])"
    child = "import sys, pyrefcore" + LIMITED % (10**4, [400], "assert pyrefcore.audit().ok")
    assert program(here % child).split() == ["counted"]
