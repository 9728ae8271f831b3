"""The wheels, which are built once in a run, and environments in which one of them is installed."""

import contextlib
import fcntl
import os
import shutil

import pytest

from harness import flavours, pythons
from harness.commands import ROOT, TARGET, run

KINDS = ["pip", "tools"]
# cargo builds the wheels in a folder of their own. There no other flavour replaces the library meanwhile.
CARGO_FOLDER = os.path.join(TARGET, "wheel", "libraries")


def trouble(command):
    """What is wrong if a command fails, or None."""
    try:
        run(command)
    except AssertionError as error:
        return str(error)


class Environment:
    """A virtual environment, and the command that installs there. Debian's Pythons have no ensurepip."""

    def __init__(self, python, folder, tools=None):
        self.python = os.path.join(str(folder), "bin", "python")
        self.pip = [self.python, "-m", "pip"]
        self.trouble = trouble([python, "-m", "venv", folder])
        if self.trouble and tools:
            shutil.rmtree(str(folder), ignore_errors=True)
            self.pip = [tools.python, "-m", "pip", "--python", self.python]
            self.trouble = trouble([python, "-m", "venv", "--without-pip", folder])


@pytest.fixture(scope="session")
def tools(tmp_path_factory):
    """An environment with pip and build, of the newest release that can make one."""
    releases = [host for host in pythons.hosts() if host.flavour[2:].isdigit()]
    for host in sorted(releases, key=lambda host: flavours.key(host.flavour), reverse=True):
        made = Environment(host.python, tmp_path_factory.mktemp("tools"))
        if not made.trouble:
            missing = trouble(made.pip + ["install", "--quiet", "--upgrade", "pip", "build"])
            if missing:
                pytest.skip("pip can't bring what builds a wheel: " + missing.strip()[-300:])
            return made
    pytest.skip("no CPython here can make an environment with pip; install python3-venv or another CPython")


@pytest.fixture(scope="session")
def environment(tmp_path_factory, tools):
    """A function: a new environment of a CPython."""

    def new(host):
        made = Environment(host.python, tmp_path_factory.mktemp("environment") / "venv", tools)
        if made.trouble:
            pytest.skip("%s can't make an environment; install its venv module" % host.python)
        return made

    return new


def by_pip(host, folder, environment):
    pip = environment(host).pip
    run(
        pip + ["wheel", "--no-deps", "--wheel-dir", folder, ROOT],
        env={"CARGO_TARGET_DIR": CARGO_FOLDER},
        timeout=3600,
    )


def by_tools(host, folder, environment):
    script = os.path.join(ROOT, "tools", "wheel.sh")
    run(["sh", script], env={"PYTHON": host.python, "CARGO_TARGET_DIR": CARGO_FOLDER}, timeout=3600)
    for name in os.listdir(os.path.join(TARGET, "wheels", host.flavour)):
        shutil.copy(os.path.join(TARGET, "wheels", host.flavour, name), str(folder))


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder of this run, which all workers of pytest-xdist share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def tree(shared):
    """A function that makes a context: in it, no other worker builds in the source tree."""

    @contextlib.contextmanager
    def alone():
        with open(str(shared / "tree.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    return alone


@pytest.fixture(scope="session")
def wheel(shared, tree, environment):
    """A function: the wheel that pip or tools/wheel.sh builds once for all CPythons of a flavour."""

    def built(kind, host):
        folder = shared / "wheels" / kind / host.flavour
        with tree():
            if not folder.exists():
                folder.mkdir(parents=True)
                {"pip": by_pip, "tools": by_tools}[kind](host, folder, environment)
        found = list(folder.glob("*.whl"))
        assert len(found) == 1, "the wheel did not build; the first test that needed it shows why"
        return found[0]

    return built


@pytest.fixture(scope="session", params=KINDS)
def kind(request):
    """What builds a wheel: pip alone, or tools/wheel.sh."""
    return request.param


@pytest.fixture(scope="session")
def installed(host, kind, wheel, environment):
    """An environment in which the wheel is installed."""
    made = environment(host)
    run(made.pip + ["install", "--quiet", "--no-index", "--no-deps", "--force-reinstall", wheel(kind, host)])
    yield made
    shutil.rmtree(os.path.dirname(os.path.dirname(made.python)))
