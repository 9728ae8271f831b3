"""numpy 2.4 releases its DType classes too often while it is imported.

Up to 3.11 the classes are counted, and their counts are lower than the references that tuples and dictionaries hold.
The classes are static, so none of them is freed. Python's collector shows the tuples; `_get_castingimpl` says which
tables of casts have a class as a key.
"""

import gc
import sys

import numpy
from numpy._core._multiarray_umath import _get_castingimpl

CLASSES = [numpy.dtypes.Complex64DType, numpy.dtypes.Complex128DType, numpy.dtypes.Float64DType]
OTHERS = {getattr(numpy.dtypes, name) for name in dir(numpy.dtypes) if name.endswith("DType")}


def holders():
    """How many references to each class the collector's objects hold."""
    found = dict.fromkeys(CLASSES, 0)
    left, met = gc.get_objects(), set()
    ours = {id(one) for one in (left, met, found, CLASSES, OTHERS, globals(), sys._getframe())}
    while left:
        one = left.pop()
        if id(one) in met or id(one) in ours:
            continue
        met.add(id(one))
        for held in gc.get_referents(one):
            if isinstance(held, type) and held in found:
                found[held] += 1
            left.append(held)
    return found


wrong = 0
for one, held in holders().items():
    # The cast from a class to itself has no place in a table.
    tables = sum(_get_castingimpl(other, one) is not None for other in OTHERS - {one})
    shown = held + tables
    # Ours: the list, the set, the dictionary, the loop's variable, the argument.
    count = sys.getrefcount(one) - 5
    print("%s: count %d, and %d references that can be seen" % (one.__name__, count, shown))
    wrong += shown > count
sys.exit(sys.version_info >= (3, 12) or wrong < len(CLASSES))
