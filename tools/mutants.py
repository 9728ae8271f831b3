#!/usr/bin/env python3
"""Draws mutants by a seed, runs the tests on each, and writes a line for each into a table.

    mutants.py rust --seed 1 --count 150 [--out TABLE]      needs cargo-mutants and `patch`
    mutants.py python --seed 1 --count 50 [--out TABLE]

A mutant is tried in a copy of the tree. If it does not compile, or if the compiler makes the same library of it for every
flavour, another mutant is drawn in its place. The first step that fails or takes too long kills the mutant. A mutant
without such a step survived. A mutant that is in the table already is not run again, so a stopped run continues where it
was. `--list` shows the drawn mutants and runs nothing.
`--part 1/2` and `--part 2/2` run at the same time, each with its own table. `--flavours` chooses the CPythons; the
default is cp311,cp313. Rust mutants are drawn only from files that all of these flavours compile.
For a mutant of the package only the quick tests run that execute its line. The last of the CPythons, 3.12 or later, records
which tests these are.
"""

import argparse
import ast
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import lines_run

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COPY = os.path.join(ROOT, "target", "mutants", "tree-%s")
# Without a mutant the slowest step takes a minute or two once its programs are built, and the whole package five.
SECONDS = {"nothing": 1800, "mutant": 400, "package": 1200}
BUILD = "build"
# These tests need another package, and take longest.
WITH_NUMPY = "test_numpy.py"
# These tests of the package concern code in Python.
OF_PACKAGE = (WITH_NUMPY, "test_cli", "test_html", "test_json", "test_pytest", "test_report")
# How many mutants each step has killed.
KILLS = collections.Counter()
UNBUILT = "does not compile"
SAME = "same code"


def main():
    global COPY
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("rust", "python"))
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--flavours", default="cp311,cp313")
    parser.add_argument("--out")
    parser.add_argument("--part", default="1/1", metavar="K/N")
    parser.add_argument("--list", action="store_true")
    chosen = parser.parse_args()
    flavours = chosen.flavours.split(",")
    part, parts = map(int, chosen.part.split("/"))
    COPY = COPY % part
    table = chosen.out or os.path.join(ROOT, "target", "mutants", "%s-%d.tsv" % (chosen.kind, part))
    mutants = rust_mutants(flavours) if chosen.kind == "rust" else python_mutants()
    mutants = sorted(mutants, key=lambda mutant: mutant[0])
    random.Random(chosen.seed).shuffle(mutants)
    print("%d of %d mutants, seed %d" % (chosen.count, len(mutants), chosen.seed))
    mutants = mutants[part - 1 :: parts]
    chosen.count = len(range(part - 1, chosen.count, parts))
    if chosen.list:
        print("\n".join(name for name, _, _ in mutants[: chosen.count]))
        return 0
    os.makedirs(os.path.dirname(table), exist_ok=True)
    done = {}
    if os.path.exists(table):
        with open(table) as lines:
            rows = [line.split("\t") for line in lines]
        done = {row[0]: row[1] for row in rows}
        KILLS.update(row[2] for row in rows if row[1] == "killed")
    steps = rust_steps if chosen.kind == "rust" else python_steps
    if "nothing" not in done:
        record(table, "nothing", *tried(None, steps(flavours, None)))
    counted = 0
    for name, apply, place in mutants:
        if counted == chosen.count:
            break
        verdict = done.get(name) or record(table, name, *tried(apply, steps(flavours, place)))
        counted += verdict not in (UNBUILT, SAME)
    return 0


def record(table, name, verdict, step, seconds):
    KILLS[step] += verdict == "killed"
    line = "\t".join((name, verdict, step, "%.0f" % seconds))
    print(line, flush=True)
    with open(table, "a") as lines:
        lines.write(line + "\n")
    if name == "nothing" and verdict != "survived":
        sys.exit("the tests fail without a mutant, at %s: see %s.log" % (step, COPY))
    return verdict


def tried(apply, steps):
    """Tries one mutant. Returns the verdict, the step that killed it, and the seconds."""
    fresh_copy()
    if apply is not None:
        apply()
    start = time.time()
    # The package and the C programs must use this copy, whatever the caller has set.
    environment = {name: word for name, word in os.environ.items() if not name.startswith("PYREFCORE")}
    for name, command in steps:
        seconds = SECONDS["nothing" if not apply else "package" if name.startswith("package") else "mutant"]
        ended = run(command, environment, seconds)
        if ended is None:
            return "killed", name + " (time limit)", time.time() - start
        if ended != 0:
            verdict = {BUILD: UNBUILT, SAME: SAME}.get(name, "killed")
            return verdict, name, time.time() - start
    return "survived", "-", time.time() - start


def run(command, environment, seconds):
    """Runs a command of a step; returns its exit status. None at the time limit: then all its processes are killed."""
    with open(COPY + ".log", "w") as log:
        step = subprocess.Popen(
            command, shell=True, cwd=COPY, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            return step.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(step.pid, signal.SIGKILL)
            step.wait()
            return None


def fresh_copy():
    """Brings the files that git knows up to date in the copy. Built files stay, so that the next build is quick."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    for name in names.decode().split("\0"):
        source, target = os.path.join(ROOT, name), os.path.join(COPY, name)
        if not os.path.isfile(source):
            continue
        with open(source, "rb") as file:
            wanted = file.read()
        if os.path.isfile(target):
            with open(target, "rb") as file:
                if file.read() == wanted:
                    continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        # The file gets a new time of change, because make and cargo compare the times.
        shutil.copyfile(source, target)
        shutil.copymode(source, target)
    for shared in ("pytest", "numpy", "headers", "unstable", "pythons"):
        source, target = os.path.join(ROOT, "target", shared), os.path.join(COPY, "target", shared)
        if os.path.isdir(source) and not os.path.exists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(source, target)


def rust_steps(flavours, file):
    """The quickest first: most mutants end early. The newest flavour comes first, since it has the most code. The audit
    is tested most by the package and the corpus, and other code by C programs."""
    unit = "PYO3_CONFIG_FILE=$PWD/flavours/%s.txt cargo test --quiet --lib %s -- --skip interleavings"
    is_of_audit = file is not None and file.startswith(("src/audit/", "src/attach/", "src/report/"))
    flavours = flavours[::-1]
    steps = []
    for flavour in flavours:
        steps.append((BUILD, unit % (flavour, "--no-run")))
        steps.append(("unit " + flavour, unit % (flavour, "")))
    if file is not None:
        steps.extend((BUILD, "make -s build FLAVOUR=" + flavour) for flavour in flavours)
        steps.append((SAME, "! { %s; }" % " && ".join(is_same(flavour) for flavour in flavours)))
    for flavour in flavours:
        python = first_python(flavour)
        tests = "sh tools/pytest.sh -q -x --tier quick --flavours %s " % flavour
        programs = [("C " + flavour, tests + "c_tests")]
        audits = [("corpus " + flavour, "python3 tests/corpus/table.py --stop " + python)]
        # What the preloaded library and the package do differs little between two flavours.
        if flavour == flavours[0]:
            programs.append(("preloaded " + flavour, tests + "tests/preload"))
            audits = package_steps(flavour, python, '-m "not slow"') + audits
        steps.append((BUILD, "make -s build FLAVOUR=" + flavour))
        steps.extend(audits + programs if is_of_audit else programs + audits)
    return steps


STRIP = "objcopy --strip-all --remove-section=.note.gnu.build-id target/dist/%s/lib/libpyrefcore.so"


def is_same(flavour):
    """A command: whether the built library is that of the code without a mutant. The first call keeps that one."""
    kept = "%s.%s.so" % (COPY, flavour)
    if not os.path.exists(kept):
        fresh_copy()
        for command in ("make -s build FLAVOUR=" + flavour, STRIP % flavour + " " + kept):
            subprocess.run(command, shell=True, cwd=COPY, check=True)
    return "%s target/stripped.so && cmp -s target/stripped.so %s" % (STRIP % flavour, kept)


def first_python(flavour):
    with os.popen("sh %s/tools/find_pythons.sh" % ROOT) as lines:
        return next(line.split(" ", 1)[1].rsplit(" ", 1)[0] for line in lines if line.startswith(flavour + " "))


def package_command(flavour, python):
    environment = "PYTHONPATH=$PWD/target/pytest:$PWD/python PYTHONDONTWRITEBYTECODE=1 PYREFCORE_LIBRARY=$PWD/%s"
    environment %= "target/dist/%s/lib/libpyrefcore.so" % flavour
    return "%s %s -W ignore -m pytest -q -x -p no:cacheprovider -p no:xdist" % (environment, python)


def package_steps(flavour, python, options):
    """A step for each file of the package's tests. Those that have killed the most mutants come first."""
    names = sorted(name for name in os.listdir(os.path.join(ROOT, "tests", "python")) if name.startswith("test_"))
    names = [name for name in names if not name.startswith(OF_PACKAGE)]
    command = package_command(flavour, python)
    return [
        # pytest ends with 5 if it left out every test of the file.
        ("package %s %s" % (flavour, name), "%s %s tests/python/%s || [ $? = 5 ]" % (command, options, name))
        for name in sorted(names, key=lambda name: -KILLS["package %s %s" % (flavour, name)])
    ]


def python_steps(flavours, place):
    """A step for each file of tests that runs the lines. `place` is the file, the lines, and whether they stand in a
    function. One process for all files would see what the tests of another file have left."""
    flavours = flavours[::-1]
    commands = {flavour: package_command(flavour, first_python(flavour)) for flavour in flavours}
    names = sorted(name for name in os.listdir(os.path.join(ROOT, "tests", "python")) if name.startswith("test_"))
    chosen = {"tests/python/" + name: None for name in names if name != WITH_NUMPY}
    builds = [(BUILD, "make -s build FLAVOUR=" + flavour) for flavour in flavours]
    if place is not None and place[3]:
        found = COPY + ".lines"
        if not os.path.exists(found):
            fresh_copy()
            for _, build in builds:
                subprocess.run(build, shell=True, cwd=COPY, check=True)
            every = commands[flavours[0]].replace(" -x ", " ")
            lines_run.record(COPY, found, ["%s %s" % (every, name) for name in chosen])
        chosen = {}
        for test in lines_run.tests(found, *place[:3]):
            chosen.setdefault(test.split("::")[0], []).append(test)
    steps = []
    for flavour in flavours:
        # Those that have killed the most mutants come first.
        for name in sorted(chosen, key=lambda name: -KILLS["package %s %s" % (flavour, os.path.basename(name))]):
            step = "package %s %s" % (flavour, os.path.basename(name))
            tests = name if chosen[name] is None else "@%s.%s" % (COPY, os.path.basename(name))
            if chosen[name] is not None:
                with open(tests[1:], "w") as file:
                    file.write("".join(test + "\n" for test in chosen[name]))
            # pytest ends with 5 if there is no such quick test on this CPython.
            steps.append((step, '%s -m "not slow" %s || [ $? = 5 ]' % (commands[flavour], tests)))
    return builds + steps if steps else []


def rust_mutants(flavours):
    """The mutants of cargo-mutants in the files that every flavour compiles."""
    alive = set.intersection(*(compiled(flavour) for flavour in flavours))
    listed = subprocess.run(
        ["cargo", "mutants", "--list", "--json", "--diff"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    mutants = []
    for mutant in json.loads(listed.stdout.decode()):
        if mutant["file"] in alive:
            file = mutant["file"]
            mutants.append((mutant["name"], lambda mutant=mutant: patch(mutant["file"], mutant["diff"]), file))
    return mutants


def compiled(flavour):
    """The files that the compiler reads for a flavour."""
    command = ["cargo", "rustc", "--quiet", "--lib", "--profile=check", "--", "--emit=dep-info"]
    folder = os.path.join(ROOT, "target", "mutants", "files-" + flavour)
    environment = dict(
        os.environ,
        PYO3_CONFIG_FILE=os.path.join(ROOT, "flavours", flavour + ".txt"),
        CARGO_TARGET_DIR=folder,
    )
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    found = set()
    for place, _, files in os.walk(folder):
        for name in files:
            if name.startswith("pyrefcore-") and name.endswith(".d"):
                with open(os.path.join(place, name)) as lines:
                    for line in lines:
                        found.update(word.rstrip(":") for word in line.split() if word.rstrip(":").endswith(".rs"))
    return {os.path.relpath(os.path.join(ROOT, name), ROOT) for name in found}


def patch(file, diff):
    subprocess.run(["patch", "--quiet", file], cwd=COPY, input=diff.encode(), check=True)


OPERATORS = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "is": "is not", "in": "not in"}


def python_mutants():
    """The mutants of the package: each changes one expression."""
    mutants = []
    folder = os.path.join(ROOT, "python", "pyrefcore")
    for place, _, files in sorted(os.walk(folder)):
        for name in sorted(files):
            if name.endswith(".py"):
                path = os.path.relpath(os.path.join(place, name), ROOT)
                with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                    text = file.read()
                inside = in_functions(text)
                for start, end, new in changes(text):
                    mutants.append(python_mutant(path, text, start, end, new, inside))
    return mutants


def in_functions(text):
    """The lines of each statement in a function, by its first line."""
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for part in node.body:
                for statement in ast.walk(part):
                    if isinstance(statement, (ast.stmt, ast.ExceptHandler)):
                        blocks = ("body", "orelse", "finalbody", "handlers")
                        within = [first for name in blocks for first in getattr(statement, name, ())]
                        last = within[0].lineno - 1 if within else statement.end_lineno
                        for line in range(statement.lineno, max(last, statement.lineno) + 1):
                            found[line] = (statement.lineno, max(last, statement.lineno))
    return found


def python_mutant(path, text, start, end, new, inside):
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1)
    old = " ".join(text[start:end].split())
    label = "%s:%d:%d: replace %s with %s" % (path, line, column, old, " ".join(new.split()))

    def apply():
        with open(os.path.join(COPY, path), "w", encoding="utf-8") as file:
            file.write(text[:start] + new + text[end:])

    first, last = inside.get(line, (line, line))
    return label, apply, (path, first, last, line in inside)


def changes(text):
    """The changes in a module: (start, end, new text)."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def at(line, column):
        return starts[line - 1] + len(text[starts[line - 1] :].encode()[:column].decode())

    def span(node):
        return at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)

    def between(left, right, words):
        """The operator between two expressions."""
        start, end = span(left)[1], span(right)[0]
        part = text[start:end]
        word = part.strip("() \n\\")
        if word in words:
            place = start + part.index(word)
            yield place, place + len(word), words[word]

    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            found.update(between(node.left, node.comparators[0], OPERATORS))
        elif isinstance(node, ast.BoolOp):
            for left, right in zip(node.values, node.values[1:]):
                found.update(between(left, right, {"and": "or", "or": "and"}))
        elif isinstance(node, ast.BinOp):
            found.update(between(node.left, node.right, {"+": "-", "-": "+", "*": "+", "//": "*"}))
        elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
            start, end = span(node.test)
            found.add((start, end, "(not (%s))" % text[start:end]))
        elif isinstance(node, ast.Return) and node.value is not None:
            found.add(span(node.value) + ("None",))
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            found.add(span(node) + (repr(not node.value),))
        elif isinstance(node, ast.Constant) and isinstance(node.value, int):
            found.add(span(node) + (repr(node.value + 1),))
    return sorted(one for one in found if text[one[0] : one[1]] != one[2])


if __name__ == "__main__":
    sys.exit(main())
