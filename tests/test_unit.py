"""The unit tests of the sources, with cargo-nextest if it is installed."""

import os
import shutil

import pytest

from harness.commands import ROOT, run

# The model checker tests the same code in every flavour, so one runs it: a free-threaded one, which uses that code.
CHECKED = "cp313t"


def unit_tests(branch, *options):
    # cargo-nextest starts a process for each test, and its filters are another language.
    command = ["cargo", "nextest", "run"] if shutil.which("cargo-nextest") else ["cargo", "test", "--quiet"]
    command += ["--lib", *options]
    if branch != CHECKED:
        command += ["-E", "not test(interleavings)"] if "nextest" in command else ["--", "--skip", "interleavings"]
    return run(command, env={"PYO3_CONFIG_FILE": os.path.join(ROOT, "flavours", branch + ".txt")})


def test_unit_tests(branch):
    unit_tests(branch)
