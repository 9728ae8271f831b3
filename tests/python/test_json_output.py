"""With --json, standard output has only JSON, even if the statement, C code or child processes print."""

import json
import os
import subprocess
import sys

import pytest
from conftest import PACKAGE, command

pytestmark = pytest.mark.usefixtures("attached")

SETUP = """
import atexit, ctypes, os, subprocess, sys
libc = ctypes.CDLL(None)
def say():
    print("python")
    os.write(1, b"descriptor\\n")
    libc.puts(b"stdio")
    sys.__stdout__.write("stream\\n")
say()
subprocess.call(["echo", "child"])
atexit.register(print, "at exit")
"""
TEXTS = ("python", "descriptor", "stdio", "stream", "child", "at exit")


@pytest.mark.parametrize("how", [["check", "say()", "--runs", "2"], ["audit"]])
def test_only_the_report_is_there(how):
    done = command(*how[:1], "--json", "-s", SETUP, *how[1:])
    report = json.loads(done.stdout)
    assert report["ok"] and done.returncode == 0
    for text in TEXTS:
        assert text in done.stderr.split("\n"), text


def test_without_the_option_it_stays_where_it_was():
    done = command("check", "print('said')", "--runs", "2")
    assert done.stdout.startswith("said\n") and "clean" in done.stdout


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>/dev/null", ">/dev/full 2>/dev/null"])
def test_streams_that_are_closed_or_full(closed):
    line = '"$0" -m pyrefcore check --json "print(1)" --runs 2 ' + closed
    surroundings = dict(os.environ, PYTHONPATH=PACKAGE, PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(["sh", "-c", line, sys.executable], env=surroundings, stdout=subprocess.PIPE, timeout=120)
    if closed == "2>&-":
        assert json.loads(done.stdout.decode())["ok"] and done.returncode == 0
    else:
        assert done.stdout == b"" and done.returncode == (2 if "full" in closed else 0)
