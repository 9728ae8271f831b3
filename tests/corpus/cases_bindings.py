"""The cases written in Cython and with pybind11."""

import io

from case import leak, over, spare, text


def cython(make, name, *rest, **more):
    return make("cython." + name, *rest, function=name, module="corpus_cython", **more)


def pybind11(make, name, *rest, **more):
    return make("pybind11." + name, *rest, function=name, module="corpus_pybind11", **more)


def first(arguments):
    return arguments[0]


def first_item(arguments):
    return arguments[0][0]


CYTHON = [
    cython(leak, "half", "float", lambda: (2.5,)),
    cython(over, "head", "str", lambda: ([spare(text())],), watched=first_item),
    cython(leak, "set_context", "str", lambda: (text(),), watched=first),
    cython(leak, "Cached", "str", lambda: (text(),)),
    cython(over, "finish", "str", lambda: (spare(text()),), watched=first),
    cython(leak, "checked", "str", lambda: (text(),), raises=TypeError, watched=first),
]

PYBIND11 = [
    pybind11(leak, "half", "float", lambda: (2.5,)),
    pybind11(over, "head", "str", lambda: ([spare(text())],), watched=first_item),
    pybind11(leak, "listed", "str", lambda: (text(),)),
    pybind11(leak, "Listener", "function", lambda: (lambda: None,), watched=first),
    pybind11(over, "finish", "str", lambda: (spare(text()),), watched=first),
    pybind11(leak, "has_close", "builtin_function_or_method", lambda: (io.StringIO(),)),
]
