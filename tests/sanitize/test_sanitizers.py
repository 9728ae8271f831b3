"""The C programs pass under AddressSanitizer, ThreadSanitizer and valgrind, which find errors that a test can't see.

Each tool first finds faults made on purpose, in each flavour. Without that, the programs under it fail. The flavours
are the named ones, or those of flavours/branches.txt, which together compile every branch of the source."""

import re

import pytest
from c_tests import programs

from harness import flavours
from harness.commands import run
from sanitize import std
from sanitize.tools import TOOLS, complaints

pytestmark = pytest.mark.tier("all")

FAULTS = [(name, fault) for name in TOOLS for fault in ("none", *TOOLS[name].faults)]


def pytest_generate_tests(metafunc):
    names = metafunc.config.option.flavours.split() or flavours.branches()
    metafunc.parametrize("a_flavour", names, scope="session")


@pytest.fixture(scope="session")
def tool(request, tmp_path_factory):
    it = TOOLS[request.param]()
    it.prepare(str(tmp_path_factory.mktemp(it.name)))
    return it


@pytest.fixture(scope="session")
def instrumented(tool, a_flavour):
    """The library for a tool."""
    return tool.library(a_flavour)


@pytest.fixture(scope="session")
def bites(tool, a_flavour, instrumented, out):
    """The program of the faults made on purpose."""
    path = out("sanitize", tool.name, a_flavour) + "/bites"
    # A compiler warns about some of the faults.
    programs.compile_sources(["tests/sanitize/bites.c"], path, instrumented, flags=[*tool.flags, "-w"])
    return path


@pytest.fixture(scope="session")
def proven(tool, bites, instrumented):
    """The library for a tool that has found the faults."""
    for fault in ("none", *tool.faults):
        find(tool, bites, fault)
    return instrumented


def find(tool, path, fault):
    """The tool must find a fault made on purpose, and nothing else."""
    complaints(path)
    before, env = tool.starts(path)
    text = run([*before, path, fault], status=None, env=env) + complaints(path)
    for pattern in tool.faults.get(fault, [r"\A\Z"]):
        assert re.search(pattern, text), "%s made on purpose: %s says\n%s" % (fault, tool.name, text)


@pytest.mark.parametrize("tool, fault", FAULTS, indirect=["tool"], scope="session")
def test_a_fault_made_on_purpose_is_found(tool, fault, bites):
    find(tool, bites, fault)


@pytest.mark.parametrize("tool", ["thread"], indirect=True)
def test_std_orders_memory_only_where_it_is_wrapped(tool, instrumented):
    names = std.unheard(instrumented)
    assert not names, "std.c must wrap these functions of std too"


def check(tool, program, link, library, folder):
    path = programs.compile_program(program, link, library, folder, [*tool.flags, "-DWATCHED"])
    for _ in range(tool.rounds):
        complaints(path)
        try:
            programs.check_program(path, *tool.starts(path), seconds=900)
        finally:
            # A sanitizer also reports an allocation that the test wants to fail.
            said = [line for line in complaints(path).splitlines() if "failed to allocate" not in line]
            assert not said, "%s says of %s\n%s" % (tool.name, path, "\n".join(said))


@pytest.mark.parametrize("link", programs.LINKS)
@pytest.mark.parametrize("program", programs.SOURCES)
@pytest.mark.parametrize("tool", ["address", "memcheck"], indirect=True)
def test_a_program_passes(tool, program, link, a_flavour, proven, out):
    check(tool, program, link, proven, out("sanitize", tool.name, a_flavour))


@pytest.mark.parametrize("link", programs.LINKS)
@pytest.mark.parametrize("program", programs.THREADED)
@pytest.mark.parametrize("tool", ["thread"], indirect=True)
def test_a_program_with_threads_passes(tool, program, link, a_flavour, proven, out):
    check(tool, program, link, proven, out("sanitize", tool.name, a_flavour))
