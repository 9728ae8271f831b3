"""The packages in packages.txt, and where their tests are."""

import os
import shutil
import tempfile

from harness.commands import TARGET, run

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(TARGET, "packages")
# The property of a test that has its row of the table.
ROW = "row of the table"


class Package:
    """One package, and the lines below it."""

    def __init__(self, name, version, folder, *arguments):
        self.name, self.version, self.folder, self.arguments = name, version, folder, list(arguments)
        self.needs, self.runs, self.real = [], 5, []

    def add(self, kind, words):
        if kind == "needs":
            self.needs += words
        elif kind == "leave":
            self.arguments.append("--deselect=" + words[0])
        elif kind == "runs":
            self.runs = int(words[0])
        elif kind == "real":
            self.real.append(words)

    def tests(self, python):
        """The folder of the tests: an installed one, or a copy of one of the source distribution. The copy is alone:
        sources beside it would be imported instead of the installed package."""
        if self.folder.startswith("@"):
            path = run([python, "-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]).strip()
            return os.path.join(path, self.folder[1:])
        label = "%s-%s" % (self.name, self.version)
        tests, base = os.path.join(FOLDER, "tests", label), os.path.basename(self.folder)
        if not os.path.isdir(tests):
            with tempfile.TemporaryDirectory(dir=FOLDER) as new:
                command = [python, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", self.name, "-d", new]
                run([*command, "%s==%s" % (self.name, self.version)])
                (archive,) = os.listdir(new)
                shutil.unpack_archive(os.path.join(new, archive), new)
                (sources,) = [name for name in os.listdir(new) if name != archive]
                copy = os.path.join(new, "tests")
                shutil.copytree(os.path.join(new, sources, self.folder), os.path.join(copy, base), symlinks=True)
                os.makedirs(os.path.dirname(tests), exist_ok=True)
                os.rename(copy, tests)
        return os.path.join(tests, base)


def listed():
    """Every package of the list."""
    found = []
    with open(os.path.join(HERE, "packages.txt")) as lines:
        for kind, *words in filter(None, (line.split() for line in lines if not line.startswith("#"))):
            if kind == "package":
                found.append(Package(*words))
            else:
                found[-1].add(kind, words)
    return found
