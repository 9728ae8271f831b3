"""Commands: run one, and see its output if it fails."""

import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TARGET = os.path.join(ROOT, "target")

# Settings of the caller that would change what a tested program does, and those that say where CPythons and headers are.
OTHERS = ("LD_PRELOAD", "PYTHONPATH", "PYTHONHOME", "PYO3_PYTHON", "PYO3_CONFIG_FILE")
KEPT = ("PYREFCORE_PYTHONS", "PYREFCORE_HEADERS")


def environment(**more):
    """The caller's environment variables without settings of Python, pytest and this library, and with `more`."""
    own = {
        name: word
        for name, word in os.environ.items()
        if name in KEPT or name not in OTHERS and not name.startswith(("PYREFCORE", "PYTEST_"))
    }
    own.update(more)
    return own


def run(command, timeout=900, status=0, env=None, cwd=ROOT, **more):
    """Runs a command, and returns what it wrote to both its outputs. Fails the test if it ends with another status.

    `status` is a number, several, or None, which allows every status. `env` has the environment variables that differ
    from environment()."""
    __tracebackhide__ = True
    done = subprocess.run(
        [str(word) for word in command],
        cwd=str(cwd),
        env=environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        **more
    )
    text = done.stdout.decode("utf-8", "replace")
    wanted = (status,) if isinstance(status, int) else status
    assert wanted is None or done.returncode in wanted, "%s\nended with status %d:\n%s" % (
        " ".join(map(str, command)),
        done.returncode,
        text,
    )
    return text
