#!/bin/sh
# Tests the library as cargo's feature `portable` builds it, without inline assembly: the unit tests, the model checker,
# the C suite, and the random operations beside the real libpython.
#
#   run.sh [FLAVOUR...]     as in flavours/; the default is all of them
#
# The libraries are built quickly, without optimisation across crates, in target/portable. The last line is "N passed, N
# failed, N skipped"; each skipped case is named above it.

set -u
cd "$(dirname "$0")/../.." || exit 2
out=target/portable
[ $# -gt 0 ] || set -- $(cd flavours && ls cp*.txt | sed 's/\.txt$//' | sort -V)
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
passed=0 failed=0 skipped=0

add() {
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + ${3:-0}))
}

# suite COMMAND...: a script that ends with its counts.
suite() {
    "$@" >$out/log 2>&1
    cat $out/log
    # shellcheck disable=SC2046
    add $(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' $out/log | grep . || echo 0 1)
}

# A compiler's own barrier is an empty piece of assembly, and may be there. cargo compiles again each time, because the
# metadata differ.
has_assembly() {
    rm -f $out/debug/deps/pyrefcore-*.ll
    "${CARGO:-cargo}" rustc --quiet --lib --crate-type=rlib --features "$1" --target-dir $out \
        -- --emit=llvm-ir -C metadata="$(date +%s%N)" || exit
    grep -q 'asm [a-z ]*"[^"]' $out/debug/deps/pyrefcore-*.ll
}

mkdir -p $out
for flavour; do
    export PYO3_CONFIG_FILE="$PWD/flavours/$flavour.txt"
    # The first search shows that the second one would find assembly.
    if has_assembly unwinding && ! has_assembly unwinding,portable; then
        add 1 0
    else
        echo "$flavour: the search found no assembly in the usual build, or some in the portable one"
        add 0 1
    fi
    # The model checker tests the same code in every flavour.
    [ "$flavour" = cp313t ] && skip='' || skip='--skip interleavings'
    # shellcheck disable=SC2086
    "${CARGO:-cargo}" test --quiet --lib --features portable --target-dir $out -- $skip >$out/log 2>&1
    counts=$(sed -n 's/^test result: [a-zA-Z]*\. \([0-9]*\) passed; \([0-9]*\) failed.*/\1 \2/p' $out/log | tail -n 1)
    case $counts in *" 0") ;; *) cat $out/log ;; esac
    # shellcheck disable=SC2086
    add ${counts:-0 1}
    echo "$flavour: unit tests: ${counts% *} passed"
    make -s build FLAVOUR="$flavour" OUT=$out FEATURES=portable >$out/log 2>&1 || {
        cat $out/log
        add 0 1
    }
done
RUN_DIST=$PWD/$out/dist RUN_OUT=$PWD/$out/c_tests suite sh c_tests/run.sh "$@"
suite sh tests/differential/run.sh --dist $out/dist "$@"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
