"""Each Python.h of this machine, and how a compiler reads it as a flavour."""

import functools
import os

from harness.flavours import Flavour
from harness.pythons import headers


class PythonH:
    """A Python.h. It is compiled with the switches of the flavour and with those of its own pyconfig.h."""

    def __init__(self, flavour, found):
        self.flavour = flavour
        self.version, self.switches, self.folders = found
        self.label = "CPython " + " ".join([found.version, *found.switches])
        # With these macros, our header is the one to be compared.
        self.defines = sorted({"-D%s=1" % switch for switch in [*flavour.switches, *found.switches]})
        self.options = [*("-I" + folder for folder in found.folders), *self.defines]
        internal = os.path.join(found.folders[0], "internal")
        self.internals = ["-I" + internal, "-I" + os.path.join(internal, "mimalloc")]


def no_python_h(name):
    """Why a flavour can't be compared."""
    version = Flavour(name).version
    return "there is no Python.h of %s here; `make headers` brings those of the newest versions" % version


@functools.lru_cache(maxsize=None)
def every_python_h(name):
    """Each Python.h that a flavour can be compared with."""
    return [PythonH(Flavour(name), found) for found in headers(name)]
