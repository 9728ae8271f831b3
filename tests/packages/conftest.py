"""Leaves these tests out unless they are asked for, and prints their table."""

import os

from packages.packages import ROW

collect_ignore = [] if os.environ.get("PACKAGES") else ["test_packages.py"]

TITLES = "package", "Python", "tests", "s", "s with --refs", "reports", "listed", "not repeatable"


def pytest_terminal_summary(terminalreporter):
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, [])]
    rows = [cells for report in reports for name, cells in report.user_properties if name == ROW]
    for cells in [TITLES, ["---"] * 2 + ["--:"] * 6, *rows] if rows else []:
        terminalreporter.line("| %s |" % " | ".join(map(str, cells)))
