"""What the tests of the header share: each Python.h and CPython of this machine, and the compilers.

A test that takes `python_h` runs once for each Python.h that a chosen flavour can be compared with. One that also takes
`limit` runs for each limited API of that Python.h. One that takes `cpython` runs once for each CPython of a chosen
flavour. Other than `host`, this one names the flavours that have none.
"""

import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import flavours, pythons  # noqa: E402
from harness.plugin import chosen  # noqa: E402
from header_emitted import limits  # noqa: E402
from header_python_h import every_python_h, no_python_h  # noqa: E402

NO_CPYTHON = "%s: there is no CPython of this build here; `make pythons` brings those from 3.13 on that it can"


def skipped(flavour, why, values=1):
    return pytest.param(*[None] * values, id=flavour, marks=pytest.mark.skip(reason=why))


def each_python_h(config):
    for flavour in chosen(config).flavours:
        found = every_python_h(flavour)
        for python_h in found:
            yield pytest.param(python_h, id="%s-%s" % (flavour, "-".join([python_h.version, *python_h.switches])))
        if not found:
            yield skipped(flavour, no_python_h(flavour))


def each_limit(config):
    for param in each_python_h(config):
        python_h = param.values[0]
        if python_h is None:
            yield skipped(param.id, no_python_h(param.id), 2)
            continue
        for limit in limits(python_h.flavour):
            yield pytest.param(python_h, limit, id="%s-%s" % (param.id, limit))


def each_cpython(config):
    names, every = chosen(config).flavours, {host.flavour for host in pythons.hosts()}
    if names == flavours.names():
        # A CPython with both debug options may have no file in flavours/.
        names = names + sorted(every.difference(names))
    for name in names:
        for host in pythons.hosts():
            if host.flavour == name:
                yield pytest.param(host, id="%s-%s" % (name, host.python.strip("/").replace("/", ".")))
        if name not in every:
            yield skipped(name, NO_CPYTHON % name)


def pytest_generate_tests(metafunc):
    wanted = metafunc.fixturenames
    if "limit" in wanted:
        metafunc.parametrize("python_h, limit", list(each_limit(metafunc.config)))
    elif "python_h" in wanted:
        metafunc.parametrize("python_h", list(each_python_h(metafunc.config)))
    if "cpython" in wanted:
        metafunc.parametrize("cpython", list(each_cpython(metafunc.config)))


@pytest.fixture
def compiler(request):
    """The compiler that the parameter names."""
    if not shutil.which(request.param):
        pytest.skip("%s is not installed; your system's packages have it" % request.param)
    return request.param


@pytest.fixture
def python_h_of_all():
    """Each Python.h of each flavour."""
    for name in flavours.names():
        if not every_python_h(name):
            pytest.skip(no_python_h(name))
    return [python_h for name in flavours.names() for python_h in every_python_h(name)]
