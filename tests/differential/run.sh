#!/bin/sh
# Runs the same random operations on twin objects in one process: with our library and with the real libpython.
#
#   run.sh [--operations N] [--seed S] [--dist FOLDER] [FLAVOUR...]
#
# Runs tests/differential for each CPython that find_pythons.sh finds, or only for those of the given flavours. Each
# runs N operations (200000) from seed S (a new one each time). Prints the seed, and a sequence on which the two differ,
# made as short as possible. --dist names a folder of built flavours; without it make builds them, in target/dist. The
# last line is "N passed, N failed, N skipped".

set -u
cd "$(dirname "$0")/../.." || exit 2
out=$PWD/target/differential dist=
operations=200000 seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
while [ $# -gt 0 ]; do
    case $1 in
    --operations) operations=${2:?--operations needs a number} && shift 2 ;;
    --dist) dist=$(realpath "${2:?--dist needs a folder}") && shift 2 ;;
    --seed) seed=${2:?--seed needs a number} && shift 2 ;;
    -*) echo "run.sh: there is no option '$1'" >&2 && exit 2 ;;
    *) break ;;
    esac
done
mkdir -p "$out"

# The program is the same for every flavour. It needs no optimisation, because the compared code is not in it. The unit
# tests have built what it uses.
PYO3_CONFIG_FILE="$PWD/flavours/cp313.txt" "${CARGO:-cargo}" test --quiet --no-run --features unwinding \
    --test differential --message-format=json >"$out/messages" 2>"$out/build.log" || {
    cat "$out/build.log"
    echo "tests/differential does not build"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}
program=$(sed -n 's/.*"executable":"\([^"]*\/differential-[^"]*\)".*/\1/p' "$out/messages" | tail -n 1)

# Prints five lines: the files of the interpreter's libpython, of its loader and of its C library (which may differ from
# the system's), its prefix, and its version.
probe='
import os, sys
with open("/proc/self/maps") as maps:
    files = [line.split(None, 5)[-1].rstrip("\n") for line in maps]
for start in "libpython", "ld-linux-", "libc.so":
    print(*[name for name in files if os.path.basename(name).startswith(start)][:1] or "-")
print(sys.base_prefix, sys.version.split()[0], sep="\n")
'

passed=0 failed=0 skipped=0
skip() {
    echo "skipped $1"
    skipped=$((skipped + 1))
}

# one FLAVOUR PYTHON
one() {
    facts=$("$2" -I -S -c "$probe") || { skip "$2: it does not start"; return; }
    { read -r library && read -r loader && read -r libc && read -r prefix && read -r version; } <<FACTS
$facts
FACTS
    if [ ! -f "flavours/$1.txt" ]; then
        skip "$2: there is no flavour $1"
    elif [ "$library" = - ]; then
        skip "$2: it holds its CPython itself, and only a shared libpython can be opened beside ours"
    elif [ -z "$dist" ] && ! make -s build FLAVOUR="$1" >"$out/make.log" 2>&1; then
        cat "$out/make.log"
        failed=$((failed + 1))
    else
        echo "$1, against $version in $library"
        # No setting of the caller may reach the two libraries.
        env -i LC_ALL=C.UTF-8 PYTHONHOME="$prefix" PYTHONDONTWRITEBYTECODE=1 \
            "$loader" --library-path "${libc%/*}" "$program" "$1" "${dist:-$PWD/target/dist}/$1/lib/libpyrefcore.so" "$library" "$operations" "$seed" >"$out/$1.log" 2>&1
        status=$?
        sed '/^[0-9]* passed, [0-9]* failed, [0-9]* skipped$/d' "$out/$1.log"
        line=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$out/$1.log" | tail -n 1)
        case $status:$line in
        0:*" 0 "* | 1:*) set -- ${line:-0 1 0} ;;
        *) echo "  it ended with status $status" && set -- 0 1 0 ;;
        esac
        passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
    fi
}

sh tools/find_pythons.sh >"$out/pythons"
while read -r flavour rest; do
    case " $* " in "  " | *" $flavour "*) one "$flavour" "${rest% *}" ;; esac
done <"$out/pythons"
for flavour; do
    grep -q "^$flavour " "$out/pythons" || skip "$flavour: no CPython of this flavour was found"
done
[ $((passed + failed + skipped)) -gt 0 ] || skip "all: there is no CPython 3.8 or later on this machine"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
