#!/bin/sh
# Builds the corpus for one Python: build.sh PYTHON FOLDER. CC is used, and warnings are errors.
#
# What a Python can't have is said in one line, "skipped: NAME: why", and what it needs for Cython and pybind11 is
# looked for beside FOLDER, where tools.sh puts it. Exits 1 where the C modules can't be built.
set -u
[ $# -eq 2 ] || { echo "build.sh PYTHON FOLDER" >&2; exit 2; }
python=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder" || exit 2

set -- $("$python" -c '
import sys, sysconfig
print(sysconfig.get_config_var("EXT_SUFFIX"), sysconfig.get_paths()["include"], sysconfig.get_paths()["platinclude"])')
[ $# -eq 3 ] || { echo "skipped: corpus: $python doesn't say where its headers are"; exit 1; }
suffix=$1 includes="-I$2 -I$3"
[ -f "$2/Python.h" ] || { echo "skipped: corpus: $python has no Python.h"; exit 1; }

# Frame pointers and debug information are for stacks that name the line; nothing else depends on them.
${CC:-gcc} -std=c11 -O2 -g -Wall -Werror -fno-omit-frame-pointer -fPIC -shared $includes \
    -o "$folder/corpus$suffix" "$here"/*.c || exit 1
