"""The header compiles with every promised compiler and standard, and refuses to be included after Python.h."""

import os
import re

import pytest

from harness.commands import run

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "header_unit.inc")
MAIN = """#include <stddef.h>
struct _object;
ptrdiff_t use_1(struct _object *);
ptrdiff_t use_2(struct _object *);
int main(void) { return use_1 == use_2; }
"""
COMPILERS = {
    "gcc": ("c", ["c99", "c11", "c17"]),
    "clang": ("c", ["c99", "c11", "c17"]),
    "g++": ("c++", ["c++11", "c++17", "c++20"]),
    "clang++": ("c++", ["c++11", "c++17", "c++20"]),
}
each_compiler = pytest.mark.parametrize("compiler", COMPILERS, indirect=True)


@pytest.mark.parametrize(
    "compiler, standard",
    [(compiler, standard) for compiler, (_, standards) in COMPILERS.items() for standard in standards],
    indirect=["compiler"],
)
def test_the_header_compiles_with_each_standard(library, flavour, compiler, standard):
    include = library(flavour).include
    language = COMPILERS[compiler][0]
    run([compiler, "-std=" + standard, *WARNINGS, "-I", include, "-fsyntax-only", "-DUNIT=1", "-x", language, UNIT])


@each_compiler
def test_two_units_of_one_program_include_the_header(library, flavour, compiler, tmp_path):
    built = library(flavour)
    sources = {"main": MAIN}
    for number in "12":
        sources["unit" + number] = '#define UNIT %s\n#include "%s"\n' % (number, UNIT)
    files = []
    for name, text in sources.items():
        files.append(tmp_path / ("%s.%s" % (name, "cpp" if compiler.endswith("++") else "c")))
        files[-1].write_text(text)
    include = ["-I", built.include]
    run([compiler, *WARNINGS, *include, *files, "-L", built.lib, "-lpyrefcore", "-o", tmp_path / "linked"])


@each_compiler
def test_the_header_refuses_to_follow_python_h(library, flavour, compiler):
    language = COMPILERS[compiler][0]
    include = ["-I", library(flavour).include]
    text = run([compiler, *include, "-DPy_PYTHON_H", "-fsyntax-only", "-DUNIT=1", "-x", language, UNIT], status=1)
    assert len(re.findall("error:", text)) == 1, text
    assert "one of the two, never both" in text, text
