"""Child processes: runs one in a clean environment, and ends what it leaves behind."""

import collections
import os
import signal
import subprocess

from harness.commands import environment

# The status is negative for a signal, and None after a timeout.
Result = collections.namedtuple("Result", "status out err")


def clean_environment(**more):
    """The environment without variables that affect a Python or the library. A value of None removes a variable."""
    affecting = "PYTHON", "PYREFCORE", "MALLOC_"
    own = {name: word for name, word in environment().items() if not name.startswith(affecting)}
    return {name: word for name, word in dict(own, **more).items() if word is not None}


def run(command, variables, timeout=60, cwd=None, merge=False):
    """Runs a child in a new session, and at the end kills all processes of that session."""
    child = subprocess.Popen(
        command,
        env=variables,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merge else subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = child.communicate(timeout=timeout)
        status = child.returncode
    except subprocess.TimeoutExpired:
        status, out, err = None, b"", b"(took too long)"
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except OSError:
            pass
        child.wait()
    return Result(status, *((data or b"").decode("utf-8", "backslashreplace") for data in (out, err)))
