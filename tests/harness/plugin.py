"""Which tests run, and with which flavours and CPythons.

    pytest c_tests tests                    every test that this machine can run
    pytest --tier quick c_tests tests       the quick ones: four flavours, and the newest CPython
    pytest --tier all c_tests tests         every test with every flavour
    pytest --flavours "cp38 cp313t" ...     every test, with these flavours alone, on their CPythons

A test that takes `flavour` runs once for each chosen flavour, and gets its name. One that takes `host` runs once for
each chosen CPython, and gets a `Host`. `one_host` is the first CPython of each flavour: of the releases with the global
lock alone, if neither `--tier all` nor `--flavours` asks for more. `branch` is a flavour for tests of the source, such
as the unit tests. `@pytest.mark.tier("here")` keeps a test out of the quick tests, "all" out of both.
"""

import os

import pytest

from harness import flavours, pythons

TIERS = ("quick", "here", "all")
SKIPPED_INSIDE = "skipped inside"


def pytest_addoption(parser):
    group = parser.getgroup("pyrefcore's own tests")
    group.addoption("--tier", choices=TIERS, default="here", help="quick, here (the default), or all")
    group.addoption("--flavours", default="", help="only these flavours, on their CPythons, or all")


def pytest_configure(config):
    config.addinivalue_line("markers", "tier(name): the first tier that has the test: quick, here or all")
    if config.option.flavours == "all":
        config.option.flavours = " ".join(flavours.names())
    unknown = [name for name in config.option.flavours.split() if name not in flavours.names()]
    if unknown:
        raise pytest.UsageError("there is no flavour %r in flavours/" % unknown[0])
    # The workers of pytest-xdist find the lists in the environment.
    pythons.hosts()


def _releases(hosts):
    """The release flavours among the CPythons of this machine, the oldest first."""
    found = {host.flavour for host in hosts if host.flavour[2:].isdigit()}
    return sorted(found.intersection(flavours.names()), key=flavours.key)


class Chosen:
    """The flavours and CPythons of this run."""

    def __init__(self, tier, named):
        every, here = flavours.names(), pythons.hosts()
        releases = _releases(here)
        newest = releases[-1:]
        self.hosts = [host for host in here if host.flavour in every]
        self.is_everywhere = bool(named) or tier == "all"
        self.releases = releases
        if named:
            self.flavours = self.branches = named
            self.hosts = [host for host in here if host.flavour in named]
        elif tier == "quick":
            self.flavours = sorted({*releases[:1], "cp311-refdebug", "cp313t", *newest}, key=flavours.key)
            self.branches = sorted({"cp311-refdebug", "cp313t", *newest}, key=flavours.key)
            self.hosts = [host for host in here if host.flavour in newest]
        elif tier == "here":
            wanted = {*flavours.branches(), *(host.flavour for host in here)}
            self.flavours = [name for name in every if name in wanted]
            self.branches = flavours.branches()
        else:
            self.flavours = self.branches = every

    @property
    def one_host(self):
        first = {}
        for host in self.hosts:
            if self.is_everywhere or host.flavour in self.releases:
                first.setdefault(host.flavour, host)
        return list(first.values())

    def place(self, host):
        """Where a CPython stands among the releases of this machine: "oldest", "newest" or "between"."""
        if host.flavour in self.releases[-1:]:
            return "newest"
        return "oldest" if host.flavour in self.releases[:1] else "between"

    def host_id(self, host):
        """The flavour, with a number where this machine has several CPythons of it."""
        of_flavour = [one for one in self.hosts if one.flavour == host.flavour]
        number = of_flavour.index(host) + 1
        return host.flavour if len(of_flavour) == 1 else "%s#%d" % (host.flavour, number)


def chosen(config):
    return Chosen(config.option.tier, config.option.flavours.split())


def pytest_generate_tests(metafunc):
    these = chosen(metafunc.config)
    for name, values, ids in (
        ("flavour", these.flavours, None),
        ("branch", these.branches, None),
        ("host", these.hosts, these.host_id),
        ("one_host", these.one_host, lambda host: host.flavour),
    ):
        if name in metafunc.fixturenames:
            if not values:
                why = pytest.mark.skip(reason="there is no CPython of the chosen flavours on this machine")
                values, ids = [pytest.param(None, marks=why)], None
            metafunc.parametrize(name, values, ids=ids, scope="session")


def pytest_collection_modifyitems(config, items):
    """Leaves out what a higher tier has."""
    most = TIERS.index(config.option.tier)
    left = [item for item in items if _tier(item) > most]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def _tier(item):
    marker = item.get_closest_marker("tier")
    return TIERS.index(marker.args[0]) if marker else 0


@pytest.fixture(scope="session")
def library():
    """A function: the library of a flavour, built at the first call."""
    found = {}

    def of(name):
        if name not in found:
            found[name] = flavours.build(name)
        return found[name]

    return of


@pytest.fixture(scope="session")
def out():
    """A function: a folder of that name in target/tests/ for what a test writes and another run may use again."""

    def folder(*names):
        path = os.path.join(flavours.TARGET, "tests", *names)
        os.makedirs(path, exist_ok=True)
        return path

    return folder


@pytest.fixture
def tell_skips(request):
    """A function: notes what a test's own commands skipped. The end of the run shows each note once."""

    def tell(lines):
        request.node.user_properties.extend((SKIPPED_INSIDE, line) for line in lines)

    return tell


def pytest_terminal_summary(terminalreporter):
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, [])]
    notes = {
        "%s: %s" % (report.nodeid.rpartition("[")[2].rstrip("]"), text)
        for report in reports
        for name, text in report.user_properties
        if name == SKIPPED_INSIDE
    }
    if notes:
        terminalreporter.section("skipped by what the tests ran", sep="=")
        for note in sorted(notes):
            terminalreporter.line(note)
