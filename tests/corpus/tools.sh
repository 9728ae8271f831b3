#!/bin/sh
# Installs Cython and pybind11 into FOLDER, a venv, and translates corpus_cython.pyx to C there: tools.sh FOLDER. Prints
# one line for each part that can't be installed; build.sh then skips the modules that need it.
set -u
[ $# -eq 1 ] || { echo "tools.sh FOLDER" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
if [ ! -x "$folder/bin/cython" ] || [ ! -x "$folder/bin/pybind11-config" ]; then
    python3 -m venv "$folder" || { echo "skipped: Cython, pybind11: python3 can't make a venv"; exit 0; }
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check 'Cython<3.2' 'pybind11<3.1' ||
        { echo "skipped: Cython, pybind11: pip can't bring them"; exit 0; }
fi
if [ ! -f "$folder/corpus_cython.c" ] || [ "$here/corpus_cython.pyx" -nt "$folder/corpus_cython.c" ]; then
    "$folder/bin/cython" -3 --output-file "$folder/corpus_cython.c.new" "$here/corpus_cython.pyx" || exit 1
    mv "$folder/corpus_cython.c.new" "$folder/corpus_cython.c"
fi
