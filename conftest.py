"""Lets pytest find tests/harness/ and c_tests/. The tests of the Python package have settings of their own, in
tests/python/pytest.ini."""

import os
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(ROOT, "tests"), ROOT]

pytest_plugins = ["harness.plugin"]
