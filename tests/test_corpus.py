"""The audit finds each planted mistake of tests/corpus/, and reports none of the correct twins.

One CPython is enough: the last cp311 of this machine, or else its last one. With `--tier all` or named flavours every
chosen one takes part.
"""

import fcntl
import os
import sys

import pytest

from harness.commands import ROOT, TARGET, run
from harness.plugin import chosen

CORPUS = os.path.join(ROOT, "tests", "corpus")


def pytest_generate_tests(metafunc):
    option, these = metafunc.config.option, chosen(metafunc.config)
    hosts = these.hosts
    if option.tier != "all" and not option.flavours:
        hosts = ([host for host in hosts if host.flavour == "cp311"] or hosts)[-1:]
    why = pytest.mark.skip(reason="there is no CPython of the chosen flavours on this machine")
    metafunc.parametrize("one", hosts or [pytest.param(None, marks=why)], ids=lambda host: host and these.host_id(host))


@pytest.fixture(scope="session")
def tools():
    """Cython and pybind11, which pip brings once for every CPython."""
    folder = os.path.join(TARGET, "corpus", "tools")
    with open(os.path.join(TARGET, "corpus.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run(["sh", os.path.join(CORPUS, "tools.sh"), folder])


@pytest.mark.tier("here")
@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("way", ["check", "pytest", "thorough"])
def test_the_audit_is_right_on_the_corpus(one, way, library, tell_skips):
    """All ways give the same verdicts: quick ones, which end when no count changes, and the thorough one."""
    library(one.flavour)
    command = [sys.executable, os.path.join(CORPUS, "table.py"), "--failures", one.python]
    text = run(command, status=None, timeout=7200, env={"PYREFCORE_TEST_WAY": way})
    counts = text.strip().rpartition("\n")[2]
    skipped = [line for line in text.splitlines() if line.startswith("skipped")]
    if counts.startswith("0 passed, 0 failed"):
        pytest.skip("; ".join(skipped))
    tell_skips(skipped)
    assert " passed, 0 failed" in counts, text
