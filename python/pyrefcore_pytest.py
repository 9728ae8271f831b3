"""What pytest loads of pyrefcore in every run: options and a marker. Only with --refs is anything else imported,
which is why this is no part of the package."""

from __future__ import annotations

from typing import Any

import pytest


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("refs", "references that C code leaks or releases too often (pyrefcore)")
    group.addoption("--refs", action="store_true", help="repeat each test that passes and count references")
    group.addoption("--refs-runs", type=int, metavar="N", help="repetitions in each window; default: refs_runs, or 10")
    group.addoption(
        "--refs-thorough",
        action="store_true",
        help="repeat each test in whole windows, even if one more run changes no count",
    )
    group.addoption(
        "--refs-who",
        action="store_true",
        help="name the C function and the line that left a reference behind (an experiment)",
    )
    group.addoption("--refs-json", metavar="FILE", help="write the results of each test as JSON")
    group.addoption("--refs-html", metavar="FILE", help="write the tests with findings as an HTML page")
    parser.addini("refs_runs", "repetitions in each window of --refs", default="10")
    parser.addini(
        "refs_allow",
        "findings of --refs that are no failures, one per line: TEST | module.Type | REASON; TEST may contain * and ?",
        type="linelist",
        default=[],
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: Any) -> None:
    # What a conftest makes is seen only if the library is there before it.
    if early_config.known_args_namespace.refs:
        import pyrefcore  # noqa: F401


def pytest_configure(config: Any) -> None:
    config.addinivalue_line(
        "markers",
        "refs(runs=N, windows=N, thorough=BOOL, who=BOOL, skip=REASON, allow={TYPE: REASON}, expect={TYPE: NUMBER}): how --refs "
        "checks a test. `thorough`: repeat it in whole windows, even if one more run changes no count. "
        "`who`: whether two more runs of a test with findings name the C function and the line. "
        "`runs` and `windows`: repetitions in each window, and windows. `skip`: do not check the test, for this reason. "
        "`allow`: findings that are no failures; a list of types is accepted too. `expect`: references per run that must "
        "be found; with a list of types, any number. TYPE may also be a leaked class",
    )
    if config.getoption("refs"):
        from pyrefcore.support import why_not

        reason = why_not()
        if reason is not None:
            raise pytest.UsageError("--refs: " + reason)
        from pyrefcore.pytest.plugin import References

        config.pluginmanager.register(References(config), "pyrefcore-references")
        return
    for option in ("refs_runs", "refs_json", "refs_html", "refs_thorough", "refs_who"):
        if config.getoption(option) not in (None, False):
            raise pytest.UsageError("--%s needs --refs" % option.replace("_", "-"))
