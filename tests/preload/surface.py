"""Cases of run.sh: the library passes some functions on to the host. Run inside the tested Python, with a library as
its argument, this file prints the results of the library's functions. Without a library it calls the host's."""

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
else:
    from tested import case, need

    @case("both")
    def hosts_functions(t):
        """The library's functions return what the host's functions return."""
        plain = t.run("-B", __file__, preload=False)
        need(plain.status == 0 and plain.out.count("\n") >= 4, "the script is wrong", plain)
        t.same(plain, t.run("-B", __file__, t.library))

    @case()
    def hosts_births_are_seen(t):
        """The objects of the host's _PyObject_New are in our live table."""
        t.need_births()
        code = ("import ctypes, sys; core = ctypes.PyDLL(sys.argv[1]); new = core._PyObject_New; "
                "new.restype = ctypes.py_object; new.argtypes = [ctypes.py_object]; "
                "count = core.pyrefcore_live_count; count.restype = ctypes.c_ssize_t; count.argtypes = [ctypes.c_uint64]; "
                "mark = core.pyrefcore_mark; mark.restype = ctypes.c_uint64; since = mark(); "
                "kept = [new(object) for _ in range(500)]; full = count(since); del kept; "
                "print(full >= 500, full - count(since) >= 500)")
        result = t.run("-c", code, t.library, words="live")
        need((result.status, result.out) == (0, "True True\n"), "births of _PyObject_New are not in the table", result)

    @case("both")
    def hosts_assertion(t):
        """A failed assertion about an object ends the process with the host's message."""
        code = ("import ctypes, sys; core = ctypes.PyDLL(sys.argv[1]); "
                "core._PyObject_AssertFailed(ctypes.py_object([7]), b'a == b', b'they differ', b'mine.c', 7, b'check')")
        result = t.run("-c", code, t.library)
        need(result.status == -6 and result.err.startswith('mine.c:7: check: Assertion "a == b" failed: they differ\n')
             and "object repr     : [7]\n" in result.err and "most recent call first" in result.err,
             "the host did not say it", result)
