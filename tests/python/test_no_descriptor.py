"""Without a free file descriptor the audit refuses with a reason, and does not guess."""

import pytest
from conftest import program

FILL = """
import resource
from pyrefcore.core import native
native.library()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
def fill():
    opened = []
    try:
        while True:
            opened.append(os.dup(0))
    except OSError:
        return opened
def empty(opened):
    for number in opened:
        os.close(number)
"""
REASON = "this process has no free file descriptor, and the audit needs one to read /proc/self/maps"


@pytest.fixture
def there(attached):
    return attached


def test_a_check_is_refused(there):
    code = """
def leak(): incref(Thing())
pyrefcore.attach()
opened = fill()
refused = pyrefcore.check(leak)
try:
    pyrefcore.audit()
except RuntimeError as error:
    print(error)
empty(opened)
print(refused.error)
print(refused.ok, gc.isenabled())
print([one.kind for one in pyrefcore.check(leak).findings])
"""
    audit, error, *rest = program(FILL + code).splitlines()
    assert (audit, rest) == (REASON, ["False True", "['leak']"]) and REASON in error


def test_a_check_in_which_they_run_out(there):
    code = """
opened = []
def leak():
    incref(Thing())
    opened.extend(fill())
refused = pyrefcore.check(leak)
empty(opened)
print(refused.error, refused.findings, gc.isenabled())
"""
    said = program(FILL + code)
    assert REASON in said and said.endswith(" [] True\n")


def test_attaching_is_refused(there):
    code = """
assert pyrefcore.detach()
opened = fill()
try:
    pyrefcore.attach()
except pyrefcore.NotSupported as error:
    print(error)
empty(opened)
pyrefcore.attach()
print([one.kind for one in pyrefcore.check(lambda: incref(Thing())).findings])
"""
    assert program(FILL + code).splitlines() == [REASON, "['leak']"]
