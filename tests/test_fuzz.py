"""The fuzzer of fuzz/ finds nothing. The environment variable FUZZ has its options; the default is a short run."""

import os
import re

import pytest

from harness.commands import ROOT, run


@pytest.mark.tier("here")
def test_the_fuzzer_finds_nothing(one_host, library):
    command = [one_host.python, os.path.join(ROOT, "fuzz", "run.py"), *os.environ.get("FUZZ", "").split()]
    text = run(command, env={"PYREFCORE_LIBRARY": library(one_host.flavour).shared}, timeout=None)
    # The rounds and their seeds: pytest shows them with -rP.
    print(text)
    assert re.search(r"^[1-9]\d* passed, 0 failed$", text, re.M)
