"""CPython's own tests pass with the library preloaded, as far as they pass without it.

Each method of a test file is compared. A method that fails only with the library runs again alone, with and without
it, up to two times. The quick run has fewer files and only the live table. With `--tier all` there are more files, the
library also runs without a word, and CPythons that bind their own calls take part.
"""

import functools

import pytest

from harness.flavours import Flavour
from harness.plugin import chosen
from preload import child, suite

QUICK = "test_gc test_weakref test_dict test_tracemalloc test_json test_pickle test_descr".split()
MORE = "test_capi test_sys test_threading test_subprocess".split()


def pytest_generate_tests(metafunc):
    option, these = metafunc.config.option, chosen(metafunc.config)
    is_full = option.tier == "all"
    rows = []
    for host in these.hosts:
        flavour = Flavour(host.flavour)
        # 3.8 compiles births into its own code.
        if not option.flavours and (flavour.minor == 8 or not is_full and host.kind == "static"):
            continue
        files = QUICK + (MORE if is_full else [])
        if is_full and flavour.is_free_threaded:
            files.append("test_free_threading")
        for file in files:
            for mode in ["idle", "live"] if is_full else ["live"]:
                name = "%s-%s-%s" % (these.host_id(host), file, mode)
                rows.append(pytest.param(host.flavour, host.python, file, mode, id=name))
    why = pytest.mark.skip(reason="there is no CPython whose own tests can run; make pythons brings some")
    metafunc.parametrize("name, python, file, mode", rows or [pytest.param(*[None] * 4, marks=why)])


@functools.lru_cache(maxsize=None)
def plain_results(python, file):
    return suite.results(python, file, {})


@pytest.mark.tier("here")
def test_cpythons_own_tests_pass_with_the_library(name, python, file, mode, library, tell_skips):
    if child.run([python, "-c", "import test.support"], child.clean_environment()).status != 0:
        pytest.skip("this CPython came without its test package; another build of the version may have it")
    preloaded = suite.preload(mode, library(name).shared)
    assert suite.is_inside(python, preloaded) and not suite.is_inside(python, {})
    (before, text), (after, _) = plain_results(python, file), suite.results(python, file, preloaded)
    if "passed" not in [before[one] for one in before if one != suite.whole(file)]:
        pytest.skip("no method of %s passes without the library: %s" % (file, text.strip()[-300:]))
    tell_skips("%s fails without the library too" % one for one in sorted(before) if before[one] == "failed")
    worse = [one for one in sorted({*before, *after}) if is_worse(one, before, after, suite.whole(file))]
    broken = [one for one in worse if not recovers(python, file, preloaded, one)]
    tell_skips("%s failed with the library, and not again" % one for one in worse if one not in broken)
    for one in broken:
        output = suite.results(python, file, preloaded, suite.method_of(one))[1]
        print("\n%s, run once more with the library:" % one, *output.splitlines()[-25:], sep="\n  ")
    assert not broken


def is_worse(name, before, after, whole):
    """Whether a method does not fail without the library, and with it has another result that is no pass."""
    with_library = after.get(name, "absent")
    if with_library == "absent" and after[whole] == "failed":
        return False
    return before.get(name, "absent") not in ("failed", with_library) and with_library != "passed"


def recovers(python, file, preloaded, name):
    """Whether a method passes with the library, or fails without it, in one of two more runs."""
    return any(
        suite.passes_alone(python, file, preloaded, name) or not suite.passes_alone(python, file, {}, name)
        for _ in range(2)
    )
