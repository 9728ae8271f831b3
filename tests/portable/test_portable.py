"""The library without inline assembly, as cargo's feature `portable` builds it, passes the usual tests.

Its flavours are cp313t and the newest release of this machine, or the named ones, or all in the tier `all`."""

import functools
import os
import random
import re
import time

import pytest
from c_tests import programs
from differential.operations import random_operations

from harness import flavours
from harness.cargo import CARGO, settings, unit_tests
from harness.commands import run
from harness.plugin import chosen

pytestmark = pytest.mark.tier("here")

OUT = "target/portable"
# The libraries are built quickly, without optimisation across crates.
QUICKLY = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}


def pytest_generate_tests(metafunc):
    these, options = chosen(metafunc.config), metafunc.config.option
    names = these.flavours if options.flavours or options.tier == "all" else ["cp313t", *these.releases[-1:]]
    if "a_flavour" in metafunc.fixturenames:
        metafunc.parametrize("a_flavour", names)
    if "a_host" in metafunc.fixturenames:
        found = [pytest.param(host, id=these.host_id(host)) for host in these.hosts if host.flavour in names]
        lacking = [name for name in names if name not in {host.flavour for host in these.hosts}]
        why = "no CPython of this flavour is on this machine; make pythons brings some"
        found += [pytest.param(None, id=name, marks=pytest.mark.skip(reason=why)) for name in lacking]
        metafunc.parametrize("a_host", found)


@pytest.fixture(scope="session")
def portable():
    """A function: the portable library of a flavour."""
    return functools.lru_cache(None)(lambda name: flavours.build(name, OUT, "portable", **QUICKLY))


def has_assembly(flavour, features, path):
    """Whether a build has inline assembly. A compiler's own barrier is an empty piece, and may be there."""
    words = ["--quiet", "--lib", "--crate-type=rlib", "--features", features, "--target-dir", OUT]
    # cargo compiles again each time, because the metadata differ.
    words += ["--", "--emit=llvm-ir=%s" % path, "-Ccodegen-units=1", "-Cmetadata=%d" % time.time_ns()]
    run([CARGO, "rustc", *words], env=settings(flavour))
    return re.search(r'asm [a-z ]*"[^"]', path.read_text()) is not None


def test_the_portable_build_has_no_assembly(a_flavour, tmp_path):
    # The first search shows that the second one would find assembly.
    assert has_assembly(a_flavour, "unwinding", tmp_path / "usual.ll")
    assert not has_assembly(a_flavour, "unwinding,portable", tmp_path / "portable.ll")


def test_unit_tests(a_flavour):
    unit_tests(a_flavour, "--features", "portable", "--target-dir", OUT)


@pytest.mark.parametrize("link", programs.LINKS)
@pytest.mark.parametrize("program", programs.SOURCES)
def test_a_program_passes(program, link, a_flavour, portable, out):
    path = programs.compile_program(program, link, portable(a_flavour), out("portable", a_flavour))
    programs.check_program(path)


def test_random_operations(a_host, portable):
    seed = int(os.environ.get("SEED") or random.randrange(2**32))
    random_operations(a_host, portable(a_host.flavour), 200000, seed)
