# Counts the instructions of each exported and each inline function with callgrind. benches/run.sh sources this file.
#
# A row is a loop of benches/bench_*.c: the instructions of one turn, with the call and without the loop itself. The
# same C code runs against our library (no interpreter), against the real libpython, and against the real libpython
# with ours preloaded.

# count_loops PROGRAM OBJECT DUMPS LIBRARY [NAME=VALUE...]: prints kind, objects, name and instructions of a turn of
# each loop. The loops must call that library.
count_loops() {
    driver=$1
    object=$2
    dumps=$3
    called=$(readlink -f "$4")
    shift 4
    rm -f "$dumps"*
    env "$@" valgrind --tool=callgrind --callgrind-out-file="$dumps" --toggle-collect=measured \
        --dump-after=measured "$driver" "$object" 2>>"$log" >"$dumps.bodies" ||
        stop "callgrind failed for $object after $(tail -n 1 "$dumps.bodies" | cut -f 3)"
    [ "$(readlink -f "$(sed -n '1s/.*	//p' "$dumps.bodies")")" = "$called" ] || stop "$object does not call $called"
    dump=0
    sed 1d "$dumps.bodies" | while read -r body; do
        short=$(sed -n 's/^totals: //p' "$dumps.$((dump + 1))")
        long=$(sed -n 's/^totals: //p' "$dumps.$((dump + 2))")
        dump=$((dump + 2))
        [ "$short" ] && [ "$long" ] || stop "callgrind counted too little for $object"
        printf '%s\t%s\n' "$body" "$(((long - short)))"
    done >"$dumps.totals" || exit 1
    awk -F '\t' -v OFS='\t' '
        $3 == "empty loop" { empty = $4; next }
        { $4 = ($4 - empty) / 1000 / $2; print }' "$dumps.totals"
    rm -f "$dumps"*
}

# counts FLAVOUR: writes its rows to $out/FLAVOUR/counts: kind, name, ours, CPython's, in a host.
counts() {
    at=$out/$1
    count_loops "$out/instructions" "$at/ours.so" "$at/callgrind" "target/dist/$1/lib/libpyrefcore.so" >"$at/counts.ours" || exit 1
    : >"$at/counts.cpython"
    : >"$at/counts.host"
    if [ -f "$at/cpython.so" ]; then
        # The program is linked with libpython, and uses the same loader, as python itself does.
        loader=$(readelf -lW "$program" | sed -n 's/.*program interpreter: \(.*\)]$/\1/p')
        $cc -O2 benches/bench_instructions.c -o "$at/instructions" -ldl -Wl,--no-as-needed "$library" \
            -Wl,--allow-shlib-undefined -Wl,--dynamic-linker="$loader" \
            -Wl,--disable-new-dtags,-rpath,"$(dirname "$library"):$(dirname "$loader")" >>"$log" 2>&1 ||
            stop "benches/bench_instructions.c does not link for $1"
        preload=$root/target/dist/$1/lib/libpyrefcore.so
        count_loops "$at/instructions" "$at/cpython.so" "$at/callgrind" "$library" PYTHONHOME="$prefix" \
            >"$at/counts.cpython" || exit 1
        count_loops "$at/instructions" "$at/cpython.so" "$at/callgrind" "$preload" PYTHONHOME="$prefix" \
            LD_PRELOAD="$preload" >"$at/counts.host" || exit 1
    fi
    awk -F '\t' -v OFS='\t' '
        FILENAME ~ /cpython$/ { theirs[$1, $3] = $4; next }
        FILENAME ~ /host$/ { host[$1, $3] = $4; next }
        function or_none(figure) { return figure == "" ? "-" : figure }
        { print $1, $3, $4, or_none(theirs[$1, $3]), or_none(host[$1, $3]) }
    ' "$at/counts.cpython" "$at/counts.host" "$at/counts.ours" >"$at/counts"
}

# covered FLAVOUR: names each function without a row and without a line in benches/uncounted.txt. The functions are the
# ones that flavours/symbols.txt lists and both libraries export, and the inline functions and macros of our header.
covered() {
    at=$out/$1
    {
        for exporter in "$library" "target/dist/$1/lib/libpyrefcore.so"; do
            nm -D --defined-only "$exporter" | awk '$2 ~ /^[TWi]$/ { sub(/@.*/, "", $3); print $3 }' | sort -u
        done | sort | uniq -d >"$at/exported"
        awk '!/^#/ && $2 == "F" && $5 !~ /^no/ { print $1 }' flavours/symbols.txt | sort -u | comm -12 - "$at/exported" |
            sed 's/^/f /'
        echo '#include <pyrefcore.h>' >"$at/header.c"
        # shellcheck disable=SC2086
        $cc -E -P -I"target/dist/$1/include" "$at/header.c" | { tr '\n' ' '; echo; } | sed 's/\<static inline\>/\n&/g' |
            sed -n 's/^static inline [^(]*\(__attribute__((always_inline))\)\{0,1\}[^(]*\<\(_\{0,1\}Py[A-Za-z_]*\)(.*/i \2/p'
        $cc -E -dM -I"target/dist/$1/include" "$at/header.c" | sed -n 's/^#define \(_\{0,1\}P[yY][A-Za-z_]*\)(.*/i \1/p'
    } | sort -u >"$at/wanted"
    grep -q '^f ' "$at/wanted" && grep -q '^i Py_INCREF$' "$at/wanted" || stop "nothing to cover was found for $1"
    awk -F '\t' '
        FILENAME ~ /uncounted.txt$/ { if (!/^#/ && NF) { sub(/ .*/, ""); has["f", $0] = has["i", $0] = 1 } next }
        FILENAME ~ /counts$/ {
            if ($4 == "-") next
            sub(/,.*/, "", $2)
            n = split($2, names, / \+ /)
            for (i = 1; i <= n; i++) has[$1, names[i]] = 1
            next
        }
        {
            split($0, want, " ")
            bare = want[2]
            # The row of a macro covers its function: Py_SIZE calls _Py_SIZE.
            if (want[1] == "i" && !(("i", bare) in has)) sub(/^_/, "", bare)
            if (!((want[1], bare) in has)) { missing = missing " " want[2] (want[1] == "i" ? " (inline)" : "") }
        }
        END { if (missing) { print missing; exit 1 } }' benches/uncounted.txt "$at/counts" "$at/wanted" >"$at/missing" && return
    echo "benches/counts.sh: $1 has no row and no line in benches/uncounted.txt for:$(cat "$at/missing")" >&2
    return 1
}
