"""The unit tests of the sources pass."""

from harness.cargo import unit_tests


def test_unit_tests(branch):
    unit_tests(branch)
