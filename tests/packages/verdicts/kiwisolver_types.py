"""Each instance of kiwisolver's types leaks a reference to its type.

`PyType_FromSpec` makes the types, so `PyType_GenericAlloc` takes a reference to the type for each instance. Their
`tp_dealloc` frees the instance but does not release the type.
"""

import gc
import sys

import kiwisolver

RUNS = 1000

variable = kiwisolver.Variable("x")
makes = {
    kiwisolver.Variable: lambda: kiwisolver.Variable("y"),
    kiwisolver.Term: lambda: variable * 2,
    kiwisolver.Expression: lambda: variable + 1,
    kiwisolver.Constraint: lambda: variable >= 1,
}
least = RUNS
for kind, make in makes.items():
    make()
    gc.collect()
    before = sys.getrefcount(kind)
    for _ in range(RUNS):
        make()
    gc.collect()
    leaked = sys.getrefcount(kind) - before
    print("references to %s after %d instances: %+d" % (kind.__name__, RUNS, leaked))
    least = min(least, leaked)
sys.exit(least < RUNS)
