#!/bin/sh
# Brings the headers of CPythons that few machines have into target/headers/VERSION/, from Debian's packages
# libpythonVERSION-dev: fetch_headers.sh [VERSION...]. The default is the two newest that have a flavour. A compiler
# needs only `-I target/headers/VERSION`. An existing folder stays as it is. Ends with `N fetched, N there, N failed`.
# The status is 1 if one failed, and 2 if nothing can be downloaded.
set -u
cd "$(dirname "$0")/.." || exit 2
headers=${PYREFCORE_HEADERS:-target/headers}
mkdir -p "$headers"
headers=$(cd "$headers" && pwd)
[ $# -gt 0 ] || set -- $(ls flavours | sed -n 's/^cp3\([0-9]*\)\.txt$/3.\1/p' | sort -V | tail -n 2)
work=$headers/.work
trap 'rm -rf "$work"' EXIT

# Debian keeps the pyconfig.h of an architecture in its own folder. Beside Python.h is another one that includes it.
# Here the real one takes its place.
unpack() {
    dpkg -x "$work"/libpython"$1"-dev_*.deb "$work/root" &&
        mv "$work"/root/usr/include/*/python"$1"/pyconfig.h "$work/root/usr/include/python$1/pyconfig.h" &&
        printf '#include <Python.h>\n' | cc -E -I"$work/root/usr/include/python$1" - >/dev/null &&
        mv "$work/root/usr/include/python$1" "$headers/$1"
}

fetched=0 there=0 failed=0
for version; do
    if [ -f "$headers/$version/Python.h" ]; then
        there=$((there + 1))
        continue
    fi
    rm -rf "$work"
    mkdir -p "$work"
    sh tools/fetch_apt.sh "$work" deb "libpython$version-dev"
    status=$?
    [ $status -ne 2 ] || exit 2
    if [ $status -eq 0 ] && unpack "$version"; then
        fetched=$((fetched + 1))
        echo "fetched $version: $(sed -n 's/^#define PY_VERSION  *"\(.*\)"/\1/p' "$headers/$version/patchlevel.h")"
    else
        failed=$((failed + 1))
        echo "failed $version: no headers of CPython $version"
    fi
done
echo "$fetched fetched, $there there, $failed failed"
[ $failed -eq 0 ]
