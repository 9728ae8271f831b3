#!/bin/sh
# Builds the corpus for one Python: build.sh PYTHON FOLDER. Uses CC, CXX and CFLAGS. In the hand-written files, warnings are
# errors.
#
# Prints one line for each part that is not available: "skipped: NAME: why". Looks beside FOLDER for the tools from
# tools.sh. Exits 1 if an available part can't be built, and 3 if the Python has no headers.
set -u
[ $# -eq 2 ] || { echo "build.sh PYTHON FOLDER" >&2; exit 2; }
python=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder" || exit 2

set -- $("$python" -c '
import sys, sysconfig
print(sysconfig.get_config_var("EXT_SUFFIX"), sysconfig.get_paths()["include"], sysconfig.get_paths()["platinclude"])')
[ $# -eq 3 ] && [ -f "$2/Python.h" ] || { echo "skipped: corpus: $python has no Python.h"; exit 3; }
suffix=$1 includes="-I$2 -I$3"
# Stacks need frame pointers and debug information to name the line.
flags="-g -fno-omit-frame-pointer -fPIC -shared ${CFLAGS:-}"

# stale NAME SOURCE...: whether the module is older than one of these, or than this script.
stale() {
    module=$folder/$1$suffix
    shift
    [ -f "$module" ] || return 0
    for source in "$@" "$here/build.sh"; do
        [ "$source" -nt "$module" ] && return 0
    done
    return 1
}

if stale corpus "$here"/*.[ch]; then
    ${CC:-gcc} -std=c11 -O2 -Wall -Werror $flags $includes -o "$folder/corpus$suffix" "$here"/*.c || exit 1
fi

tools=${folder%/*}/tools
if [ ! -f "$tools/corpus_cython.c" ]; then
    echo "skipped: corpus_cython: Cython isn't here"
elif stale corpus_cython "$tools/corpus_cython.c"; then
    ${CC:-gcc} -std=c11 -O2 $flags $includes -o "$folder/corpus_cython$suffix" "$tools/corpus_cython.c" || exit 1
fi

headers=$(echo "$tools"/lib/python*/site-packages/pybind11/include)
if [ ! -d "$headers" ]; then
    echo "skipped: corpus_pybind11: pybind11 isn't here"
elif stale corpus_pybind11 "$here/corpus_pybind11.cpp"; then
    ${CXX:-g++} -std=c++17 -O1 -Wall -Werror -fvisibility=hidden $flags $includes "-I$headers" \
        -o "$folder/corpus_pybind11$suffix" "$here/corpus_pybind11.cpp" || exit 1
fi
exit 0
