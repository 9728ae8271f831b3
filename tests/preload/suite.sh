#!/bin/sh
# Runs CPython's own tests, plain and with the library preloaded: suite.sh [--quick] [PYTHON...]
# Fails only if a method passes without the library and fails with it. The default is every PYTHON of find_pythons.sh.
# --quick runs fewer tests. It leaves out the mode without watchers, and hosts that bind their own calls directly.
# --jobs N tests N hosts at once. PRELOAD_SUITE holds options that come last and override the others: --full undoes
# --quick.
set -u
here=$(cd "$(dirname "$0")" && pwd)
found=$(sh "$here/../../tools/find_pythons.sh")
if [ -z "$found" ]; then
    echo "skip suite: there is no CPython 3.8 or later on this machine"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
first=$(printf '%s\n' "$found" | sed -n '1s/^[^ ]* \(.*\) [a-z]*$/\1/p')
exec env -u LD_PRELOAD -u PYREFCORE -u PYREFCORE_REPORT "$first" -B -E -s "$here/suite.py" "$@" ${PRELOAD_SUITE:-}
