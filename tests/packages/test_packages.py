"""Published packages: `pytest --refs` reports nothing of their tests but the bugs that packages.txt lists.

The environment variable PACKAGES says which: `all`, or names. SAMPLE=N runs only N tests of each package, spread
evenly. RUNS is the number of runs in a window (5, or the number in packages.txt). TIMEOUT is the number of seconds for
a run of pytest (1800). KEEP=1 takes the installed pyrefcore. pip brings everything into target/packages, where it stays: an
environment for each flavour, the output of each run, and every report as JSON. At the end a table in Markdown is
printed.
"""

import collections
import json
import os
import re

import pytest
from packages.packages import FOLDER, HERE, ROW, listed

from harness.commands import ROOT, TARGET, run

pytestmark = pytest.mark.tier("all")

WANTED = os.environ.get("PACKAGES", "").split()
PACKAGES = [package for package in listed() if "all" in WANTED or package.name in WANTED]


@pytest.fixture(scope="session")
def python(one_host):
    """The Python of the flavour's environment, in which pytest and pyrefcore are installed."""
    folder = os.path.join(FOLDER, one_host.flavour)
    path = os.path.join(folder, "bin", "python")
    if not os.path.isdir(folder):
        os.makedirs(FOLDER, exist_ok=True)
        if "No module" in run([one_host.python, "-c", "import ensurepip"], status=None):
            pytest.skip("%s can't make an environment with pip; install its venv module" % one_host.python)
        run([one_host.python, "-m", "venv", folder])
    install_or_skip(path, "pytest")
    if not os.environ.get("KEEP"):
        # In cargo's usual folder another flavour could replace the library meanwhile.
        own = {"CARGO_TARGET_DIR": os.path.join(TARGET, "wheel", "libraries")}
        run([path, "-m", "pip", "install", "-q", "--force-reinstall", "--no-deps", ROOT], env=own, timeout=3600)
    return path


def install_or_skip(python, *requirements):
    try:
        run([python, "-m", "pip", "install", "-q", *requirements])
    except AssertionError as error:
        pytest.skip("pip can't bring %s: %s" % (" ".join(requirements), str(error).strip()[-300:]))


class Suite:
    """The tests of one package in one environment."""

    def __init__(self, package, python, label):
        self.command = [python, "-X", "faulthandler", os.path.join(os.path.dirname(python), "pytest"), "-q"]
        self.folder, self.label = package.tests(python), label
        # The tests of any folder above would otherwise lend their settings.
        self.settings = os.path.join(FOLDER, "pytest.ini")
        with open(self.settings, "w") as file:
            file.write("[pytest]\n")
        self.arguments = package.arguments
        if os.environ.get("SAMPLE"):
            found = [line for line in self.run("all", "--collect-only").splitlines() if "::" in line]
            wanted = min(int(os.environ["SAMPLE"]), len(found))
            self.arguments = [found[at * len(found) // wanted] for at in range(wanted)]

    def path(self, kind):
        return os.path.join(FOLDER, "%s.%s" % (self.label, kind))

    def run(self, kind, *options, status=0):
        """Runs pytest in the folder of the tests, and returns what it wrote, which stays in a file."""
        own = "-p no:cacheprovider -o addopts= --rootdir . -c".split() + [self.settings]
        command = [*self.command, *own, *options, *self.arguments]
        text = run(command, cwd=self.folder, status=status, timeout=float(os.environ.get("TIMEOUT", 1800)))
        with open(self.path(kind), "w") as file:
            file.write(text)
        return text.strip().rpartition("\n")[2] if kind != "all" else text


def number(pattern, line):
    """The number that the last line of pytest has there, or 0."""
    found = re.search(pattern, line)
    return found.group(1) if found else "0"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_report_is_a_listed_bug(package, python, one_host, request):
    install_or_skip(python, "%s==%s" % (package.name, package.version), *package.needs)
    suite = Suite(package, python, "%s-%s" % (one_host.flavour, package.name))
    plain = suite.run("plain")
    runs = os.environ.get("RUNS") or str(package.runs)
    allow = "\n".join(" | ".join(words[:3]) for words in package.real)
    json_file = suite.path("json")
    if os.path.exists(json_file):
        os.remove(json_file)
    options = ["--refs", "--refs-runs", runs, "--refs-json", json_file, "-o", "refs_allow=" + allow]
    refs = suite.run("refs", *options, status=(0, 1))
    with open(json_file) as file:
        found = json.load(file)["tests"]
    count = collections.Counter(test["outcome"] for test in found)
    version = run([python, "-c", "import platform; print(platform.python_version())"]).strip()
    seconds = [number(r" in ([\d.]+)s", line) for line in (plain, refs)]
    reports = count["leaked"] + count["missing"] + count["allowed"]
    cells = [len(found) - count["skipped"], *seconds, reports, count["allowed"], count["unchecked"]]
    request.node.user_properties.append((ROW, ["%s %s" % (package.name, package.version), version, *cells]))
    unlisted = ["%s\n%s" % (test["test"], test["text"]) for test in found if test["outcome"] in ("leaked", "missing")]
    assert not unlisted, "these reports are not listed in packages.txt:\n" + "\n".join(unlisted)
    assert number(r"(\d+) passed", refs) == number(r"(\d+) passed", plain), "--refs changes what passes"
    # A listed bug must also show without pyrefcore.
    for file in sorted({words[2] for words in package.real}) if count["allowed"] else []:
        run([python, os.path.join(HERE, "verdicts", file)])
