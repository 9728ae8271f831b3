#!/bin/sh
# The last part of `make run`: a stock CPython, a small extension that leaks, and the leaked reference.
#
#   demo.sh [FLAVOUR]     prefers a Python of FLAVOUR that has its Python.h, then the newest one
set -u
cd "$(dirname "$0")/../.." || exit 2
say() { printf '%s\n' "$*"; }
header='import os, sysconfig; print(os.path.join(sysconfig.get_paths()["include"], "Python.h"))'

flavour='' python=''
while read -r its path _; do
    [ -f "flavours/$its.txt" ] && [ -f "$("$path" -c "$header" 2>/dev/null)" ] || continue
    flavour=$its python=$path
    [ "$its" != "${1:-}" ] || break
done <<END
$(sh tools/find_pythons.sh | sort -V)
END
say
if [ -z "$python" ]; then
    say "No CPython from 3.8 on with its Python.h was found, so there is no extension to audit."
    exit 0
fi
make --no-print-directory -s build FLAVOUR="$flavour" >/dev/null || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
include=$(dirname "$("$python" -c "$header")")
${CC:-cc} -g -shared -fPIC -I"$include" tests/python/demo.c -o "$folder/demo.so" || exit 1
version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
say "CPython $version ($python), unmodified, and an extension of which one function keeps a reference too many:"
say
say "  \$ python3 -m pyrefcore check -s 'import demo' 'demo.remember(object())'"
PYTHONPATH=$PWD/python:$folder PYREFCORE_LIBRARY=$PWD/target/dist/$flavour/lib/libpyrefcore.so \
    "$python" -m pyrefcore check -s 'import demo' 'demo.remember(object())' >"$folder/report" 2>&1
status=$?
sed 's/^/  /' "$folder/report" | head -n 30
say
# Status 1 means that the audit found the leak.
[ $status -eq 1 ] || { say "The audit ended with status $status instead of 1."; exit 1; }
