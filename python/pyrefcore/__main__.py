"""`python -m pyrefcore`: see `cli`."""

import sys

from .support import why_not

reason = why_not()
if reason is not None:
    sys.stderr.write("pyrefcore: %s\n" % reason)
    sys.exit(2)

from .cli import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
