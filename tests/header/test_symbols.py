"""Each shared library exports what flavours/symbols.txt lists, and nothing else."""

import exported


def test_each_line_of_the_list_concerns_a_checked_flavour():
    problem = exported.unbuilt()
    assert not problem, problem


def test_the_library_exports_the_listed_symbols(library, flavour):
    problem = exported.difference(library(flavour))
    assert not problem, problem
