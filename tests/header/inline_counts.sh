#!/bin/sh
# Compares the machine code of pyrefcore's inline functions with CPython's.
#
#   inline_counts.sh PYREFCORE_INCLUDE_DIR PYTHON_INCLUDE_DIR [CC]
#
# Each argument may be several directories joined by colons (if pyrefcore_config.h or pyconfig.h is elsewhere). CFLAGS
# is added to both compilations. Prints the instructions of each function, without padding. Exit status: 0 if pyrefcore
# never needs more, 1 if some function needs more, 2 if nothing could be compared.

set -u

misuse() {
    echo "inline_counts.sh: $1" >&2
    exit 2
}

[ $# -eq 2 ] || [ $# -eq 3 ] ||
    misuse "usage: inline_counts.sh PYREFCORE_INCLUDE_DIR PYTHON_INCLUDE_DIR [CC]"
ours=$1
theirs=$2
cc=${3:-${CC:-cc}}
here=$(cd "$(dirname "$0")" && pwd)

# holds DIRS FILE: whether one of the directories has the file.
holds() {
    rest=$1:
    while [ -n "$rest" ]; do
        [ -f "${rest%%:*}/$2" ] && return 0
        rest=${rest#*:}
    done
    return 1
}
holds "$ours" pyrefcore.h || misuse "no pyrefcore.h in $ours"
holds "$ours" pyrefcore_config.h || misuse "no pyrefcore_config.h in $ours"
holds "$theirs" Python.h || misuse "no Python.h in $theirs"
command -v "${cc%% *}" >/dev/null || misuse "no compiler called $cc"
command -v objdump >/dev/null || misuse "objdump (binutils) is needed"

work=$(mktemp -d) || misuse "no temporary directory"
trap 'rm -rf "$work"' EXIT

# compile DIRS OUTPUT ARG...: prints messages only if it fails.
compile() {
    dirs=$1
    out=$2
    shift 2
    rest=$dirs:
    while [ -n "$rest" ]; do
        set -- "$@" -I "${rest%%:*}"
        rest=${rest#*:}
    done
    # shellcheck disable=SC2086
    $cc -O2 -DNDEBUG ${CFLAGS:-} "$@" -o "$out" 2>"$work/messages" && return
    cat "$work/messages" >&2
    misuse "$cc failed with the headers in $dirs"
}

# Both sides must have the same version and the same debug switches.
echo '#include <pyrefcore_config.h>' >"$work/ours.c"
echo '#include <patchlevel.h>' >"$work/theirs.c"
compile "$ours" "$work/ours.macros" -dM -E "$work/ours.c"
compile "$theirs" "$work/theirs.macros" -dM -E "$work/theirs.c"
version() {
    awk '$2 == "PY_MAJOR_VERSION" { major = $3 } $2 == "PY_MINOR_VERSION" { minor = $3 }
        END { print major "." minor }' "$1"
}
[ "$(version "$work/ours.macros")" = "$(version "$work/theirs.macros")" ] ||
    misuse "pyrefcore is for $(version "$work/ours.macros"), Python.h is $(version "$work/theirs.macros")"
switches=$(awk '$2 ~ /^Py_(DEBUG|REF_DEBUG|TRACE_REFS|GIL_DISABLED)$/ { print "-D" $2 "=1" }' \
    "$work/ours.macros")

compile "$ours" "$work/ours.o" -I"$here/../../benches" -c "$here/inline_bodies.c"
# shellcheck disable=SC2086
compile "$theirs" "$work/theirs.o" $switches -DAGAINST_PYTHON_H -I"$here/../../benches" -c "$here/inline_bodies.c"

# Prints "function count", in the order of the source. A part that the compiler moved away (.cold) counts with
# its function.
count() {
    objdump -d --no-show-raw-insn "$1" | awk '
        /^[0-9a-f]+ <.*>:$/ {
            name = $2
            gsub(/^<|>:$/, "", name)
            sub(/\.(cold|part)(\.[0-9]+)?$/, "", name)
            if (!(name in n)) { order[++functions] = name; n[name] = 0 }
            next
        }
        /^ *[0-9a-f]+:\t/ {
            if ($0 !~ /\t((data16|cs) )*nop[wl]?([ \t]|$)/ && $0 !~ /\txchg +%ax,%ax *$/) n[name]++
        }
        END { for (i = 1; i <= functions; i++) print order[i], n[order[i]] }'
}
count "$work/ours.o" >"$work/ours.counts"
count "$work/theirs.o" >"$work/theirs.counts"

awk '
    function row(name, a, b, verdict) { printf "%-12s %6s %8s  %s\n", name, a, b, verdict }
    BEGIN { row("function", "ours", "CPython", "") }
    NR == FNR { theirs[$1] = $2; next }
    {
        rows++
        if (!($1 in theirs)) { row($1, $2, "?", "MORE"); more = 1; next }
        if ($2 > theirs[$1]) more = 1
        row($1, $2, theirs[$1], $2 > theirs[$1] ? "MORE" : "ok")
    }
    END { if (!rows) { print "inline_counts.sh: objdump showed no functions" >"/dev/stderr"; exit 2 }
          exit more + 0 }' "$work/theirs.counts" "$work/ours.counts"
