#!/bin/sh
# Compiles the staged header of each flavour with every promised compiler and standard. Compares its inline functions
# with those of every Python.h on this machine.
#
#   header.sh [FLAVOUR...]      the default is all of them
#
# The last line is "N passed, N failed, N skipped"; each skipped case is named above it.

set -u
cd "$(dirname "$0")/../.." || exit 2
[ $# -gt 0 ] || set -- $(cd flavours && ls cp*.txt | sed 's/\.txt$//' | sort -V)
here=$PWD/tests/header
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
warnings="-Wall -Wextra -Wpedantic -Werror"
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)); }
skip() { skipped=$((skipped + 1)); echo "skipped: $1"; }
fail() {
    failed=$((failed + 1))
    echo "FAILED $1"
    sed 's/^/    /' "$work/log"
}
# try NAME COMMAND...: a case.
try() {
    name=$1
    shift
    if "$@" >"$work/log" 2>&1; then pass; else fail "$name"; fi
}

for unit in 1 2; do
    printf '#define UNIT %s\n#include "%s/header_unit.inc"\n' $unit "$here" >"$work/unit$unit.c"
    cp "$work/unit$unit.c" "$work/unit$unit.cpp"
done
echo "#include <stddef.h>
ptrdiff_t use_1(void *); ptrdiff_t use_2(void *); int main(void) { return use_1 == use_2; }" >"$work/main.c"
sed 's/void \*/struct _object */g; 1s/$/\nstruct _object;/' "$work/main.c" >"$work/main.cpp"

compilers=
for compiler in gcc clang g++ clang++; do
    if command -v $compiler >/dev/null; then
        compilers="$compilers $compiler"
    else
        skip "$compiler is not installed"
    fi
done

# compilations FLAVOUR: the compilations that the flavour's header must pass.
compilations() {
    include="-I target/dist/$1/include"
    for compiler in $compilers; do
        case $compiler in
        *++) standards="c++11 c++17 c++20" suffix=cpp ;;
        *) standards="c99 c11 c17" suffix=c ;;
        esac
        for standard in $standards; do
            # shellcheck disable=SC2086
            try "$1: $compiler -std=$standard" $compiler -std=$standard $warnings $include -fsyntax-only \
                "$work/unit1.$suffix"
        done
        # shellcheck disable=SC2086
        try "$1: $compiler, two units linked" $compiler $warnings $include "$work/unit1.$suffix" \
            "$work/unit2.$suffix" "$work/main.$suffix" -L "target/dist/$1/lib" -lpyrefcore -o "$work/linked"
        # shellcheck disable=SC2086
        $compiler $include -DPy_PYTHON_H -fsyntax-only "$work/unit1.$suffix" >"$work/log" 2>&1
        if [ "$(grep -c 'error:' "$work/log")" -eq 1 ] && grep -q 'one of the two, never both' "$work/log"; then
            pass
        else
            fail "$1: $compiler, after Python.h: one #error is expected"
        fi
    done
}

sh tools/find_headers.sh >"$work/headers"
[ -s "$work/headers" ] || skip "no Python.h on this machine: inline functions are not compared"

for flavour; do
    if ! make -s build FLAVOUR="$flavour" >"$work/log" 2>&1; then
        fail "$flavour does not build"
        continue
    fi
    compilations "$flavour"
    sh tools/find_headers.sh --for "$flavour" <"$work/headers" >"$work/comparable"
    if [ -s "$work/headers" ] && [ ! -s "$work/comparable" ]; then
        skip "$flavour: no Python.h of its version on this machine: inline functions are not compared"
    fi
    while read -r version set folders; do
        # Our header must be compiled with the macros of their pyconfig.h.
        case $set in *Py_DEBUG*) also=-DPy_DEBUG=1 ;; *) also= ;; esac
        try "$flavour: inline functions beside $version in $folders" \
            env CFLAGS="${CFLAGS:-} $also" sh "$here/inline_counts.sh" "target/dist/$flavour/include" "$folders"
    done <"$work/comparable"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
