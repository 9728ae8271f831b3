"""The CPython that a test preloads the library into, and which tests concern it."""

import signal

import pytest

from harness.flavours import Flavour
from harness.plugin import chosen
from preload.tested import Tested


def pytest_configure(config):
    config.addinivalue_line("markers", "hosts(kind, since, until): the CPythons that a test concerns, by 3.x")


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if concerns(item)]


def concerns(item):
    """Whether a test concerns its CPython. Without one it is skipped."""
    marker = item.get_closest_marker("hosts")
    host = item.callspec.params["host"] if marker else None
    return host is None or fits(host, **marker.kwargs)


def fits(host, kind=None, since=8, until=99):
    return kind in (None, host.kind) and since <= Flavour(host.flavour).minor <= until


@pytest.fixture(scope="session", autouse=True)
def interrupts():
    """A background job of a shell ignores interrupts, and then CPython's tests of interrupts would fail."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def tested(host, library, tmp_path):
    return Tested(host, library(host.flavour).shared, str(tmp_path))


@pytest.fixture
def others(request, tested, library):
    """Other flavours and their libraries. The first group that has a release is of this run, if there is one."""
    these = chosen(request.config)
    for group in [host.flavour for host in these.hosts], these.flavours, ["cp311", "cp312"]:
        found = sorted(name for name in set(group) if tested.tells_apart(name))
        if any("-" not in name for name in found):
            return {name: library(name).shared for name in found}
