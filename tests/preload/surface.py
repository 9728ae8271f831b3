"""Run inside the tested Python: prints the results of the functions that the library passes on to the host.

With a library as its argument it calls the library's functions, and without one the host's.
"""

import ctypes
import sys


class Thing:
    pass


def answers(api):
    """The results of each function that the version has, one line each."""
    def function(name, result, *arguments):
        found = getattr(api, name)
        found.restype, found.argtypes = result, arguments
        return found

    kept = []
    new = function("_PyObject_New", ctypes.py_object, ctypes.py_object)(object)
    kept += [new]
    yield "new", type(new).__name__, sys.getrefcount(new)
    row = function("_PyObject_NewVar", ctypes.py_object, ctypes.py_object, ctypes.c_ssize_t)(bytes, 3)
    kept += [row]
    yield "new var", type(row).__name__, len(row), sys.getrefcount(row)
    if sys.version_info >= (3, 10):
        for name in "Py_IsNone", "Py_IsTrue", "Py_IsFalse":
            is_one = function(name, ctypes.c_int, ctypes.py_object)
            yield name, [is_one(op) for op in (None, True, False, 0, new)]
    if sys.version_info < (3, 10):
        flags = function("PyType_GetFlags", ctypes.c_ulong, ctypes.py_object)
        yield "flags", [flags(kind) == kind.__flags__ for kind in (object, bytes, Thing)]
    if sys.version_info < (3, 13):
        import tracemalloc
        traceback = function("_PyTraceMalloc_GetTraceback", ctypes.py_object, ctypes.c_uint, ctypes.c_size_t)
        yield "untraced", traceback(0, id(new))
        tracemalloc.start()
        mine = [bytearray(5000)]
        yield "traced", traceback(0, ctypes.addressof(ctypes.c_char.from_buffer(mine[0]))) is not None
        yield "unknown", traceback(77, 16)
        tracemalloc.stop()
    else:
        import weakref
        called = []
        thing = Thing()
        reference = weakref.ref(thing, called.append)
        function("PyUnstable_Object_ClearWeakRefsNoCallbacks", None, ctypes.py_object)(thing)
        yield "weak", reference(), called
    if sys.version_info >= (3, 14):
        temporary = function("PyUnstable_Object_IsUniqueReferencedTemporary", ctypes.c_int, ctypes.py_object)
        yield "temporary", temporary(thing)
    if sys.version_info >= (3, 15):
        immortalise = function("PyUnstable_SetImmortal", ctypes.c_int, ctypes.py_object)
        yield "immortal", [immortalise(op) for op in (thing, "text", None)]


if __name__ == "__main__":
    for line in answers(ctypes.PyDLL(sys.argv[1]) if sys.argv[1:] else ctypes.pythonapi):
        print(*line)
