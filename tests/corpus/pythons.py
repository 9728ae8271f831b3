"""Finds the Pythons of this machine, builds the corpus for each, and runs scripts in them."""

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
    lines = subprocess.run(["sh", os.path.join(ROOT, "tools", "find_pythons.sh")], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.splitlines()
    pythons = []
    for line in lines:
        flavour, path, _ = line.split()
        folder = os.path.join(ROOT, "target", "corpus", path.strip("/").replace("/", "-"))
        pythons.append(Python(flavour, path, folder))
    pythons.sort(key=lambda python: (int(python.flavour[3:].split("-")[0].rstrip("t")), python.flavour, python.path))
    return [python for python in pythons if not wanted or python.flavour in wanted or python.path in wanted]


def chosen(arguments):
    """The cases of --only=... (an empty list means all), and the other arguments."""
    only = [name for argument in arguments if argument.startswith("--only=") for name in argument[7:].split(",")]
    return only, [argument for argument in arguments if not argument.startswith("--only=")]


def tools():
    """Installs Cython and pybind11; returns a line for each part that can't be installed."""
    done = subprocess.run(["sh", os.path.join(HERE, "tools.sh"), os.path.join(ROOT, "target", "corpus", "tools")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().splitlines()


def build(python):
    """Builds the corpus: returns "built", "skipped" or "failed", and the printed lines."""
    done = subprocess.run(["sh", os.path.join(HERE, "build.sh"), python.path, python.folder],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return {0: "built", 3: "skipped"}.get(done.returncode, "failed"), done.stdout.strip().splitlines()


def run(python, script, names, timeout, environment=()):
    """Runs a script in a Python: returns the JSON objects that it printed, by case, how it ended, and its stderr.

    The process crashed in the last case that has a name and no verdict.
    """
    path = os.pathsep.join([python.folder, HERE, os.path.join(ROOT, "python")])
    settings = dict(os.environ, PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1", **dict(environment))
    command = [python.path, os.path.join(HERE, script)] + list(names)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings,
                               cwd=HERE)
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


def run_all(python, script, only=(), timeout=600, environment=(), together=1000, stops=False):
    """Runs every case, up to `together` in one process, until each has an answer.

    After a crash a new process runs the remaining cases. The case that crashed runs again alone, because an earlier
    case may have caused the crash.
    """
    names = list(run(python, script, ["--list"], timeout, environment)[0])
    if not names:
        _, end, complaints = run(python, script, ["--list"], timeout, environment)
        return {}, "%s %s: %s" % (script, end, "\n".join(complaints))
    unknown = sorted(set(only) - set(names))
    if unknown:
        return {}, "there is no case %s" % ", ".join(unknown)
    names = [name for name in names if not only or name in only]
    results = collections.OrderedDict((name, None) for name in names)
    while None in results.values():
        pending = [name for name in names if results[name] is None][:together]
        answers, end, complaints = run(python, script, pending, timeout, environment)
        results.update((name, answer) for name, answer in answers.items() if "verdict" in answer)
        left = [name for name in pending if results[name] is None]
        if left:
            # The process crashed in the last case that it named.
            crashed = next((name for name in reversed(left) if name in answers), left[0])
            results[crashed] = alone(python, script, crashed, timeout, environment, end, complaints)
        if stops and any(answer and answer["verdict"] == "failed" for answer in results.values()):
            return collections.OrderedDict((name, answer) for name, answer in results.items() if answer), ""
    return results, ""


def alone(python, script, name, timeout, environment, end, complaints):
    """The answer of a case that runs alone in a process, or a failed verdict that says how the process ended."""
    answers, end_alone, complaints_alone = run(python, script, [name], timeout, environment)
    answer = answers.get(name, {})
    if "verdict" in answer:
        return answer
    return {"verdict": "failed", "reason": "the process %s\n    %s" % (
        end_alone or end or "said nothing", "\n    ".join(complaints_alone or complaints))}
