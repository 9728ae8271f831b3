#!/bin/sh
# Tests the preloaded library on each CPython that find_pythons.sh finds: run.sh [-v] [-k CASE] [FLAVOUR...]
set -u
here=$(cd "$(dirname "$0")" && pwd)
found=$(sh "$here/../../tools/find_pythons.sh")
if [ -z "$found" ]; then
    echo "skip preload: there is no CPython 3.8 or later on this machine"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
first=$(printf '%s\n' "$found" | sed -n '1s/^[^ ]* \(.*\) [a-z]*$/\1/p')
# A search takes seconds, so cases.py gets what was found here.
exec env -u LD_PRELOAD -u PYREFCORE -u PYREFCORE_REPORT FOUND_PYTHONS="$found" "$first" -B -E -s "$here/cases.py" "$@"
