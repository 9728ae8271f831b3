"""The tests of the Python package in tests/python/, run by each CPython with pytest.

Each file runs in a process of its own. Quick tests leave out tests that are marked as slow, and numpy. Tests whose result is
the same on every CPython run on the newest release alone: those of the command, of the texts and files of reports, and
of pytest's options. Between the oldest and the newest release, the slow tests are left out too. Debug and free-threaded
builds run these tests with `--tier all`, or if they are named.
"""

import fcntl
import os

import pytest

from harness import flavours
from harness.commands import ROOT, TARGET, run
from harness.plugin import chosen

FOLDER = os.path.join(ROOT, "tests", "python")
FILES = sorted(name for name in os.listdir(FOLDER) if name.startswith("test_"))
SAME_EVERYWHERE = {
    "test_%s.py" % name
    for name in "cli html json_output report report_file pytest_plugin pytest_settings pytest_journal".split()
}
# An imported numpy makes each check slower, so the other files run without it.
NUMPY = "test_numpy.py"
# pytest ends with this status if it left out every test of a file.
NOTHING_LEFT = 5


def pytest_generate_tests(metafunc):
    config = metafunc.config
    these = chosen(config)
    is_explicit = these.is_everywhere
    rows = []
    for host in these.hosts if config.option.tier == "all" else these.one_host:
        place = these.place(host)
        for name in FILES:
            if place != "newest" and not is_explicit and name in SAME_EVERYWHERE:
                continue
            is_quick = config.option.tier == "quick" or (place == "between" and not is_explicit)
            if is_quick and name == NUMPY:
                continue
            rows.append(pytest.param(host, name, is_quick, id="%s-%s" % (these.host_id(host), name[:-3])))
    metafunc.parametrize("one, name, is_quick", rows)


def test_package(one, name, is_quick, library, tell_skips):
    paths = [os.path.join(TARGET, "pytest"), os.path.join(ROOT, "python")]
    if name == NUMPY:
        paths.append(numpy(one))
    options = ["-m", "not slow"] if is_quick else []
    command = [one.python, "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-rfEs"]
    text = run(
        command + options + [os.path.join(FOLDER, name)],
        status=(0, NOTHING_LEFT) if is_quick else (0,),
        env={
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYREFCORE_LIBRARY": library(one.flavour).shared,
        },
    )
    tell_skips(line for line in text.splitlines() if line.startswith("SKIPPED "))


def numpy(host):
    """The folder with a numpy for this CPython. pip brings it once."""
    folder = os.path.join(TARGET, "numpy", host.flavour)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            new = folder + ".new"
            pip = [host.python, "-m", "pip", "install", "-q", "--only-binary", ":all:", "--target", new, "numpy"]
            text = run(pip, status=None)
            if not os.path.isdir(os.path.join(new, "numpy")):
                pytest.skip("pip can't bring numpy: " + text.strip().rpartition("\n")[2])
            os.rename(new, folder)
    if run([host.python, "-c", "import numpy"], status=None, env={"PYTHONPATH": folder}):
        pytest.skip("this CPython can't import the numpy that pip brought")
    return folder
