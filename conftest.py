"""Lets pytest find tests/harness/. The tests of the Python package have settings of their own: tests/python/pytest.ini."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tests"))

pytest_plugins = ["harness.plugin"]
