"""Random operations on twin objects: our library and the real libpython agree on every count and event.

The environment variable SEED repeats a run, whose number a failure shows.
"""

import os
import random

from differential.operations import random_operations

OPERATIONS = {"quick": 50000, "here": 200000, "all": 2000000}


def test_both_libraries_agree_on_random_operations(host, library, request):
    seed = int(os.environ.get("SEED") or random.randrange(2**32))
    random_operations(host, library(host.flavour), OPERATIONS[request.config.option.tier], seed)
