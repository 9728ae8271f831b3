"""The C programs of this folder pass with each flavour, linked with the shared library and with the static one.

A program has no cases for a flavour without the functions that it tests. There it only compiles."""

import pytest

from c_tests import programs


@pytest.mark.parametrize("link", programs.LINKS)
@pytest.mark.parametrize("program", programs.SOURCES)
def test_a_program_passes(program, link, flavour, library, out):
    path = programs.compile_program(program, link, library(flavour), out("c_tests", flavour))
    programs.check_program(path)
