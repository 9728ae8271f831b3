"""Cargo: its command, a flavour's settings, and the unit tests of the sources."""

import os
import shutil

from harness.commands import ROOT, run

CARGO = os.environ.get("CARGO", "cargo")

# The model checker tests the same code in every flavour, so one runs it: a free-threaded one, which uses that code.
CHECKED = "cp313t"


def settings(flavour):
    """The environment variable that makes build.rs build a flavour."""
    return {"PYO3_CONFIG_FILE": os.path.join(ROOT, "flavours", flavour + ".txt")}


def unit_tests(flavour, *options):
    """Runs the unit tests, with cargo-nextest if it is installed."""
    # cargo-nextest starts a process for each test, and its filters are another language.
    nextest = shutil.which("cargo-nextest")
    command = [CARGO, "nextest", "run"] if nextest else [CARGO, "test", "--quiet"]
    command += ["--lib", *options]
    if flavour != CHECKED:
        command += ["-E", "not test(interleavings)"] if nextest else ["--", "--skip", "interleavings"]
    return run(command, env=settings(flavour))
