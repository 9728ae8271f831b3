#!/bin/sh
# Runs the C suite under a tool that finds errors which a test can't see.
#
#   run.sh [--all] [--rounds N] [address|thread|memcheck]... [FLAVOUR...]
#
#   address    AddressSanitizer, LeakSanitizer and, in the programs, UndefinedBehaviorSanitizer
#   thread     ThreadSanitizer, with N rounds (10) of each program that has threads, and of no other program
#   memcheck   valgrind, on the library as it is shipped
#
# The default is all three, on the flavours of flavours/branches.txt, which together compile every branch of the source.
# --all is every flavour. For the sanitizers, the library is built again with instrumentation, in target/sanitize/.
# Before the suite runs, the tool must find faults made on purpose, in each flavour. The last line is "N passed, N
# failed, N skipped"; each skipped case is named above it.

set -u
cd "$(dirname "$0")/../.." || exit 2
root=$PWD/target/sanitize
cc=${CC:-gcc}

# Runs a program under a tool, which writes to files whose names begin with $REPORT.
if [ "${1:-}" = --under ]; then
    kind=$2
    shift 2
    # A request for too much memory must return null, as malloc does: allocation.c tests this.
    common="log_path=$REPORT:exitcode=66:allocator_may_return_null=1"
    case $kind in
        address)
            # The children of negative.c call Py_DECREF on a freed object on purpose.
            case $1 in */negative.*) common="$common:poison_heap=0" ;; esac
            export ASAN_OPTIONS="$common:strict_string_checks=1" UBSAN_OPTIONS="log_path=$REPORT:print_stacktrace=1"
            export LSAN_OPTIONS="suppressions=$PWD/tests/sanitize/leaks.txt:print_suppressions=0"
            exec "$@" ;;
        thread)
            export TSAN_OPTIONS="$common:history_size=4"
            # ThreadSanitizer has room for 65536 nested calls. Nested deaths go as deep as the stack allows, so the
            # stack is small.
            ulimit -s 1024
            # shellcheck disable=SC2086
            exec $SETARCH "$@" ;;
        memcheck)
            # Reports only definitely lost blocks: hash tables and containers have only pointers to their middle.
            exec valgrind --quiet --error-exitcode=66 --leak-check=full --show-leak-kinds=definite \
                --errors-for-leak-kinds=definite --suppressions=tests/sanitize/valgrind.supp --log-file="$REPORT.%p" "$@" ;;
    esac
fi

passed=0 failed=0 skipped=0

# instrument KIND FLAVOUR: builds the library with a sanitizer, staged as by `make build`. std is not instrumented.
# RUSTC_BOOTSTRAP makes any rustc accept the nightly flags.
instrument() {
    dist=$root/$1/dist/$2
    [ -z "$(find src build.rs Cargo.toml Cargo.lock cbindgen.toml tests/sanitize -newer "$dist/.built" 2>&1)" ] && return
    mkdir -p "$dist/include" "$dist/lib"
    (
        unset CARGO_ENCODED_RUSTFLAGS
        export RUSTC_BOOTSTRAP=1 PYO3_CONFIG_FILE="$PWD/flavours/$2.txt" PYREFCORE_STAGE="$dist/include"
        export RUSTFLAGS="-Zsanitizer=$1 -Cunsafe-allow-abi-mismatch=sanitizer -Cforce-frame-pointers $links"
        # std.c reports the synchronisation of std to ThreadSanitizer around the calls. So LTO must not inline them.
        [ "$1" != thread ] || export CARGO_PROFILE_RELEASE_LTO=off
        "${CARGO:-cargo}" rustc --quiet --release --lib --features system-allocator --crate-type=cdylib,staticlib --target "$target" \
            --target-dir "$root/$1" || exit
        install -m 755 "$root/$1/$target/release/libpyrefcore.so" "$dist/lib/libpyrefcore-$2.so.0"
        install -m 644 "$root/$1/$target/release/libpyrefcore.a" "$dist/lib/libpyrefcore.a"
        ln -sf "libpyrefcore-$2.so.0" "$dist/lib/libpyrefcore.so"
        touch "$dist/.built"
    ) >"$dist/build.log" 2>&1 || { cat "$dist/build.log"; return 1; }
}

# hear_std: compiles std.c, and sets `words` to the arguments that link it around std's functions. rustc needs a
# prefix before each of these words.
hear_std() {
    std=$(rustc --print sysroot)/lib/rustlib/$target/lib
    names=$(readelf --wide --syms "$std"/libstd-*.rlib 2>/dev/null | awk '$4 == "FUNC" { print $8 }')
    lock=$(echo "$names" | grep -E 'sys4sync5mutex5futex.*5Mutex14lock_contended(17h[0-9a-f]*E)?$')
    once=$(echo "$names" | grep -E 'sys4sync4once5futex.*4Once4call(17h[0-9a-f]*E)?$')
    mkdir -p target/sanitize/thread
    words="target/sanitize/thread/std.o -Wl,--wrap=$lock -Wl,--wrap=$once"
    [ "$(echo $lock $once | wc -w)" = 2 ] \
        && $cc -O1 -g -fPIC -fno-builtin -Wall -Wextra -Werror -c tests/sanitize/std.c -o target/sanitize/thread/std.o \
            -DREAL_LOCK="__real_$lock" -DWRAP_LOCK="__wrap_$lock" -DREAL_ONCE="__real_$once" -DWRAP_ONCE="__wrap_$once"
}

# unheard FLAVOUR: lists the functions of std that order memory, that the instrumented code calls, and that
# std.c does not wrap. Mutex::wake is called after the release and orders nothing.
unheard() {
    readelf --wide --syms "$root/thread/dist/$1/lib/libpyrefcore.a" 2>/dev/null \
        | awk '/^File:/ { ours = !/\(std-/ } ours && $7 == "UND" { print $8 }' \
        | grep -E '3std3sys4sync|3std6thread' | grep -vE "^($lock|$once)\$|5Mutex4wake(17h|\$)" | sort -u
}

# usable KIND: whether the tool works here. If not, `why` says what to do. Sets `flags` for the C programs.
usable() {
    why= flags= links= SETARCH=
    # gcc gives false warnings about code that its sanitizers have rewritten.
    calm="-g -O1 -fno-inline -fno-omit-frame-pointer -Wno-format-overflow"
    try=$root/try
    mkdir -p "$root"
    echo 'int main(void) { return 0; }' >"$try.c"
    case $1 in
        address) flags="-fsanitize=address,undefined $calm" ;;
        thread) flags="-fsanitize=thread $calm" ;;
        memcheck)
            command -v valgrind >/dev/null || why="there is no valgrind; apt-get install valgrind brings it"
            [ -n "$why" ] || valgrind --quiet true >"$try.log" 2>&1 \
                || why="valgrind does not run here ($(head -n 1 "$try.log")); apt-get install libc6-dbg may cure it" ;;
    esac
    [ -z "$flags" ] || $cc $flags "$try.c" -o "$try" >"$try.log" 2>&1 \
        || why="$cc has no runtime for -fsanitize=$1; apt-get install gcc (or libasan8, libtsan2, libubsan1) brings it"
    # ThreadSanitizer needs an address range that a kernel with strong address randomisation may use for something else.
    if [ -z "$why" ] && [ "$1" = thread ] && ! "$try" >"$try.log" 2>&1; then
        SETARCH="setarch -R"
        $SETARCH "$try" >"$try.log" 2>&1 \
            || why="its runtime does not start here ($(head -n 1 "$try.log")); sysctl vm.mmap_rnd_bits=28 may cure it"
    fi
    if [ -z "$why" ] && [ "$1" = thread ]; then
        hear_std || why="this std's locks are not where std.c looks for them; mend hear_std in tests/sanitize/run.sh"
        flags="$flags $words"
        for word in $words; do links="$links -Clink-arg=$word"; done
    fi
    export SETARCH
    [ -z "$why" ]
}

ok() { passed=$((passed + 1)); }
bad() { echo "FAILED $*"; failed=$((failed + 1)); }

# bites KIND FLAVOUR: the tool must find the faults made on purpose, in the library's own code, and nothing else.
bites() {
    program=$root/$1/c_tests/$2/bites
    # shellcheck disable=SC2086
    $cc -std=c11 -g $flags -I"$dist/include" -Ic_tests/support tests/sanitize/bites.c -o "$program" \
        -L"$dist/lib" -Wl,-rpath,"$dist/lib" -lpyrefcore -lpthread || { bad "$1 $2: bites.c does not compile"; return; }
    case $1 in
        address) finds="none: after-free:heap-use-after-free leak:LeakSanitizer overflow:overflow" ;;
        thread) finds="none: race:data.race" ;;
        memcheck) finds="none: after-free:Invalid.read uninitialised:uninitialised leak:definitely.lost" ;;
    esac
    for find in $finds; do
        fault=${find%%:*} words=${find#*:}
        rm -f "$program".report*
        REPORT=$program.report sh tests/sanitize/run.sh --under "$1" "$program" "$fault" >"$program.log" 2>&1
        cat "$program".report* >>"$program.log" 2>/dev/null
        case $fault in
            none) [ ! -s "$program.log" ] ;;
            overflow) grep -q "runtime error:.*$words" "$program.log" ;;
            *) grep -q "$words" "$program.log" && grep -qE 'libpyrefcore-|\(.*\.rs:[0-9]+\)| src/.*\.rs:' "$program.log" ;;
        esac && ok || { bad "$1 $2: $fault made on purpose: the tool says"; head -n 40 "$program.log"; }
    done
}

# suite KIND FLAVOUR
suite() {
    out=$root/$1/$2.log
    case $1 in
        memcheck) dist=$PWD/target/dist/$2; make -s build FLAVOUR="$2" >"$out" 2>&1 ;;
        *) dist=$root/$1/dist/$2; instrument "$1" "$2" >"$out" 2>&1 ;;
    esac || { cat "$out"; bad "$1 $2: it does not build"; return; }
    mkdir -p "$root/$1/c_tests/$2"
    bites "$1" "$2"
    if [ "$1" = thread ]; then
        unheard=$(unheard "$2")
        [ -z "$unheard" ] && ok || bad "thread $2: what std does here is unheard of, mend std.c: $unheard"
    fi
    [ "$1" = thread ] && threaded=$rounds || threaded=
    RUN_DIST=${dist%/*} RUN_OUT=$root/$1/c_tests RUN_UNDER="sh tests/sanitize/run.sh --under $1" RUN_SECONDS=900 \
        RUN_ROUNDS=$threaded RUN_THREADED=$threaded CC=$cc CFLAGS="${CFLAGS:-} $flags -DWATCHED" \
        sh c_tests/run.sh "$2" >"$out" 2>&1
    sed -e '$d' -e "s/^$2:/$1: &/" "$out"
    counts=$(tail -n 1 "$out" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, 0 skipped$/\1 \2/p')
    [ -n "$counts" ] || { tail -n 1 "$out"; counts="0 1"; }
    passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
}

rounds=10 kinds= flavours=
while [ $# -gt 0 ]; do
    case $1 in
        --all) flavours="$flavours $(cd flavours && ls cp*.txt | sed 's/\.txt$//' | sort -V)" ;;
        --rounds) rounds=$2; shift ;;
        address | thread | memcheck) kinds="$kinds $1" ;;
        *) flavours="$flavours $1" ;;
    esac
    shift
done
[ -n "$flavours" ] || flavours=$(sed -n '/^cp/p' flavours/branches.txt)
target=$(rustc -vV | sed -n 's/^host: //p')
for kind in ${kinds:-address thread memcheck}; do
    mkdir -p "$root/$kind"
    if usable "$kind"; then
        for flavour in $flavours; do suite "$kind" "$flavour"; done
    else
        echo "skipped $kind: $why"
        skipped=$((skipped + 1))
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
