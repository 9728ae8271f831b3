"""Checks who is named for the mistakes of the corpus, and prints one table.

    who.py [--rows] [--only=CASE,CASE] [FLAVOUR|PYTHON ...]      the default is all cases in every Python

CC, CXX and CFLAGS choose how the corpus is built; another choice needs another folder, which WHO_FOLDER names. With
WHO_STRIPPED the corpus has no symbols, and the offset must lie in the right function. --rows
prints the cases in which nothing or a wrong function was named. Exits 1 if more than one name in a hundred is wrong.

A case counts once: as wrong if any function that was named for it is wrong, as right if one is right, as candidates if
functions were only listed, and else as none.
"""

import glob
import os
import subprocess
import sys

import pythons
import table

COLUMNS = "mistakes", "found", "function right", "line right", "line wrong", "candidates", "none", "wrong"


def outcome(answer):
    """The column of an answer, and whether a line was judged right."""
    named = answer["named"]
    if any(not one["is_right"] for one in named):
        return "wrong", None
    if named:
        lines = [one["line_is_right"] for one in named if one["line_is_right"] is not None]
        return "function right", all(lines) if lines else None
    return ("candidates" if answer["candidates"] else "none"), None


def count(results, shows_rows):
    """The numbers of one Python."""
    counted = dict.fromkeys(COLUMNS, 0)
    for name, answer in results.items():
        if answer["verdict"] == "skipped":
            continue
        counted["mistakes"] += 1
        if answer["verdict"] != "found":
            print("    %-24s %s" % (name, answer.get("reason", answer["verdict"])))
            continue
        counted["found"] += 1
        column, line = outcome(answer)
        counted[column] += 1
        if line is not None:
            counted["line right" if line else "line wrong"] += 1
        if shows_rows and (column != "function right" or line is False):
            told = answer["named"] or answer["candidates"]
            places = ["%s %s %s:%s %s `%s`" % (one["what"], one.get("function"), os.path.basename(one.get("file", "")),
                                               one.get("line"), one.get("rule", ""), one["text"]) for one in told]
            print("    %-24s %-14s %s" % (name, column, "; ".join(places + answer["notes"])))
    return counted


def stripped(python, settings):
    """The same Python with a stripped corpus in another folder. The file with symbols says which function is right."""
    folder = os.path.join(python.folder, "stripped")
    os.makedirs(folder, exist_ok=True)
    for file in glob.glob(os.path.join(python.folder, "corpus.*.so")):
        subprocess.run(["strip", "--strip-all", "-o", os.path.join(folder, os.path.basename(file)), file], check=True)
        settings = dict(settings, WHO_SYMBOLS=file)
    return python._replace(folder=folder), settings


def main(arguments):
    shows_rows = "--rows" in arguments
    only, wanted = pythons.chosen([argument for argument in arguments if argument != "--rows"])
    wrong = named = 0
    lines = []
    for python in pythons.found(wanted):
        if "WHO_FOLDER" in os.environ:
            python = python._replace(folder=os.path.join(python.folder, os.environ["WHO_FOLDER"]))
        settings = table.environment(python)
        if settings is None or pythons.build(python)[0] != "built":
            print("%s %s: skipped, it has no library or no headers" % (python.flavour, python.path))
            continue
        if "WHO_STRIPPED" in os.environ:
            python, settings = stripped(python, settings)
        print("%s %s" % (python.flavour, python.path), flush=True)
        results, trouble = pythons.run_all(python, "named.py", only, environment=settings, together=20)
        if trouble:
            print("FAILED %s" % trouble)
            return 1
        counted = count(results, shows_rows)
        lines.append("%-10s %s" % (python.flavour, " ".join("%14d" % counted[name] for name in COLUMNS)))
        wrong, named = wrong + counted["wrong"], named + counted["function right"] + counted["wrong"]
    print("%-10s %s" % ("", " ".join("%14s" % name for name in COLUMNS)))
    print("\n".join(lines))
    return 1 if not named or wrong * 100 > named else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
