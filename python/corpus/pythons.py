"""The Pythons of this machine, the corpus built for each, and scripts run in them."""

import collections
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

Python = collections.namedtuple("Python", "flavour path folder")


def found(wanted=()):
    """Every Python that find_pythons.sh knows of, or those whose flavour or path is in `wanted`."""
    lines = subprocess.run(["sh", os.path.join(ROOT, "c_tests", "find_pythons.sh")], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.splitlines()
    pythons = []
    for line in lines:
        flavour, path, _ = line.split()
        folder = os.path.join(ROOT, "target", "corpus", path.strip("/").replace("/", "-"))
        pythons.append(Python(flavour, path, folder))
    pythons.sort(key=lambda python: ([int(part) if part.isdigit() else part for part in
                                      python.flavour[3:].replace("t", "-t").split("-")][:1], python.flavour, python.path))
    return [python for python in pythons if not wanted or python.flavour in wanted or python.path in wanted]


def tools():
    """Brings Cython and pybind11; the lines that say what can't be had."""
    done = subprocess.run(["sh", os.path.join(HERE, "tools.sh"), os.path.join(ROOT, "target", "corpus", "tools")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().splitlines()


def build(python):
    """Builds the corpus: "built", "skipped" or "failed", and the lines that were printed."""
    done = subprocess.run(["sh", os.path.join(HERE, "build.sh"), python.path, python.folder],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return {0: "built", 3: "skipped"}.get(done.returncode, "failed"), done.stdout.strip().splitlines()


def run(python, script, names, timeout, environment=()):
    """Runs a script in a Python; the JSON objects that it printed, by case, and how it ended.

    A case that was announced and has no verdict is where the process crashed.
    """
    settings = dict(os.environ, PYTHONPATH=os.pathsep.join([python.folder, HERE]), PYTHONDONTWRITEBYTECODE="1")
    settings.update(environment)
    command = [python.path, os.path.join(HERE, script)] + list(names)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings, cwd=HERE)
    try:
        output, complaints = process.communicate(timeout=timeout)
        end = "" if process.returncode == 0 else "ended with status %d" % process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        output, complaints = process.communicate()
        end = "was still running after %d seconds" % timeout
    answers = collections.OrderedDict()
    for line in output.splitlines():
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        answers[answer.pop("name")] = answer
    return answers, end, [line[:160] for line in complaints.strip().splitlines()[-12:]]


def run_all(python, script, timeout=600, environment=()):
    """Runs every case in one process, and what a crash has cut off in others, until each has an answer.

    A case that crashed is tried again alone, where others can't have prepared its crash.
    """
    names = list(run(python, script, ["--list"], timeout, environment)[0])
    if not names:
        _, end, complaints = run(python, script, ["--list"], timeout, environment)
        return {}, "%s %s: %s" % (script, end, "\n".join(complaints))
    results, pending = collections.OrderedDict((name, None) for name in names), names
    while pending:
        answers, end, complaints = run(python, script, pending, timeout, environment)
        results.update((name, answer) for name, answer in answers.items() if "verdict" in answer)
        left = [name for name in pending if results[name] is None]
        if not left:
            break
        crashed = next((name for name in left if name in answers), left[0])
        alone, end_alone, complaints_alone = run(python, script, [crashed], timeout, environment)
        answer = alone.get(crashed, {})
        if "verdict" not in answer:
            answer = {"verdict": "failed", "reason": "the process %s\n    %s" % (
                end_alone or end or "said nothing", "\n    ".join(complaints_alone or complaints))}
        results[crashed] = answer
        pending = [name for name in left if name != crashed]
    return results, ""
