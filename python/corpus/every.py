"""All cases that the Python that runs has the modules for."""

import cases as in_c


def cases():
    return in_c.CASES
