"""Each program of examples/ builds, runs, and prints what its first comment says.

In an expected output a line `...` stands for any lines, and `0x...` for an address.
"""

import glob
import os
import re
import shlex
import subprocess

import pytest

from harness.commands import ROOT, TARGET, environment, run

FOLDER = os.path.join(ROOT, "examples")
STRICT = "-std=c11 -Wall -Wextra -Wpedantic -Werror -g".split()


def programs(pattern):
    return sorted(os.path.basename(path) for path in glob.glob(os.path.join(FOLDER, pattern)))


def expected(path):
    """The output and the status that the first comment of a program names."""
    with open(path) as file:
        comment = re.split(r'\n *\*/|\n"""', file.read(), maxsplit=1)[0]
    found = re.search(r"Expected output(?:.*status (\d+))?.*:\n((?:.*\n?)*)", comment)
    assert found, "the first comment has no expected output"
    status, output = found.groups()
    return re.sub(r"^( \* ?)?( {4})?", "", output, flags=re.M).strip("\n"), int(status or 0)


def assert_prints_as_expected(path, command, **options):
    output, status = expected(path)
    text = re.sub("0x[0-9a-f]+", "0x...", run(command, status=status, timeout=120, **options))
    # A debug build of CPython has this note.
    text = re.sub(" *note: .*the growth of the C heap was not measured.*\n", "", text)
    lines = ["(?:.*\n)*" if line == "..." else re.escape(line) + "\n" for line in output.split("\n")]
    is_expected = re.fullmatch("".join(lines), text) is not None
    assert is_expected, "the first comment says:\n%s\n\nthe program prints:\n%s" % (output, text)


@pytest.mark.parametrize("program", programs("c/*.c"))
def test_a_program_in_c(program, flavour, library, tmp_path):
    source, built, of = os.path.join(FOLDER, "c", program), tmp_path / "program", library(flavour)
    compiler = shlex.split(os.environ.get("CC", "cc")) + STRICT + shlex.split(os.environ.get("CFLAGS", ""))
    run([*compiler, "-I" + of.include, source, "-o", built, *of.link_shared])
    assert_prints_as_expected(source, [built])


@pytest.mark.parametrize("program", programs("python/*.py"))
def test_a_program_in_python(program, one_host, library):
    paths = [os.path.join(ROOT, "python"), os.path.join(TARGET, "pytest")]
    variables = {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYREFCORE_LIBRARY": library(one_host.flavour).shared,
        # A built wheel leaves metadata beside the package, by which pytest would load the plugin a second time.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    options = []
    if program.startswith("test_"):
        options = "-W ignore -m pytest -p pyrefcore_pytest -p no:cacheprovider --rootdir=. --refs".split()
        if subprocess.call([one_host.python, "-c", "import pytest"], env=environment(**variables)):
            pytest.skip("this CPython can't import a pytest from target/pytest; tools/pytest.sh brings it")
    folder = os.path.join(FOLDER, "python")
    assert_prints_as_expected(
        os.path.join(folder, program), [one_host.python, *options, program], cwd=folder, env=variables
    )
