"""The package's ctypes structs and prototypes are those of pyrefcore.h."""

import ctypes
import os
import re
import subprocess

import pytest

from pyrefcore.core import native

STRUCTS = [native.Frame, native.Example, native.Folded, native.Finding, native.Edge]


def compiler(source, *arguments):
    """Runs the C compiler on a source that includes the header beside the library, and returns what it prints."""
    include = os.path.join(os.path.dirname(os.path.dirname(native.path())), "include")
    if not os.path.exists(os.path.join(include, "pyrefcore.h")):
        pytest.skip("there is no header beside the library")
    done = subprocess.run(
        [os.environ.get("CC", "cc"), "-I" + include, "-x", "c", "-"] + list(arguments),
        input='#include <stddef.h>\n#include <stdio.h>\n#include "pyrefcore.h"\n' + source,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_structs_have_the_headers_fields(attached, tmp_path):
    shown = []
    for struct in STRUCTS:
        name = "pyrefcore_" + struct.__name__.lower()
        shown.append('printf("%s %%zu\\n", sizeof(%s));' % (name, name))
        for field, _ in struct._fields_:
            place = "%s, %s" % (name, field)
            shown.append(
                'printf("%s %s %%zu %%zu\\n", offsetof(%s), sizeof(((%s *)0)->%s));' % (name, field, place, name, field)
            )
    program = str(tmp_path / "structs")
    compiler("int main(void) { %s return 0; }" % " ".join(shown), "-o", program)
    theirs = subprocess.run([program], stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout
    ours = []
    for struct in STRUCTS:
        name = "pyrefcore_" + struct.__name__.lower()
        ours.append("%s %d" % (name, ctypes.sizeof(struct)))
        for field, _ in struct._fields_:
            place = getattr(struct, field)
            ours.append("%s %s %d %d" % (name, field, place.offset, place.size))
    assert theirs.splitlines() == ours


def of_c(words):
    """What ctypes passes for a C type: every pointer is alike, except a returned text."""
    words = " ".join(re.sub(r"\bconst\b", "", words).split())
    if "*" in words or words.endswith("_visitor"):
        return "pointer"
    return {"int": "c_int", "size_t": "c_size_t", "Py_ssize_t": "c_ssize_t", "void": None}[words]


def of_ctypes(kind):
    if kind in (None, ctypes.c_int):
        return kind and "c_int"
    if kind in (ctypes.c_size_t, ctypes.c_ssize_t):
        return "c_size_t" if kind is ctypes.c_size_t else "c_ssize_t"
    assert ctypes.sizeof(kind) == ctypes.sizeof(ctypes.c_void_p)
    return "pointer"


def test_prototypes_are_the_headers(attached):
    text = " ".join(compiler("", "-E", "-P").split())
    assert native._PROTOTYPES
    for name, (result, arguments) in native._PROTOTYPES.items():
        found = re.search(r"([\w ]+[ *])%s\(([^()]*)\)" % name, text)
        assert found, name
        # A name stands at the end of each argument.
        words = [re.sub(r"\w+$", "", one.strip()) for one in found.group(2).split(",") if one.strip() != "void"]
        theirs = of_c(found.group(1)), [of_c(one) for one in words]
        assert (of_ctypes(result), [of_ctypes(one) for one in arguments]) == theirs, name
