#!/bin/sh
# Compares pyrefcore.h with CPython's own headers: layouts, constants, types, and the results of inline functions.
#
#   facts.sh [FLAVOUR...]            as in flavours/; the default is all of them
#   facts.sh --record [FLAVOUR...]   rewrites tests/header/facts/FLAVOUR.txt from the headers on this machine
#
# Compares each flavour with every Python.h of its version that find_headers.sh finds, compiled with the flavour's
# switches. Without such a header it uses the recorded facts. SEED chooses the random start words. The last line is "N
# passed, N failed, N skipped"; each skipped case is named above it.

set -u
cd "$(dirname "$0")/../.." || exit 2
root=$PWD/target/header
list=$root/headers.txt
random_words=3000
recorded_seed=1

case_passed() { echo passed >>"$out/cases"; }
case_skipped() { echo "skipped: $1"; echo skipped >>"$out/cases"; }
# case_failed NAME FILE
case_failed() {
    echo failed >>"$out/cases"
    echo "FAILED $flavour: $1"
    head -n 40 "$2" | sed 's/^/    /'
}
# same NAME LABEL FILE LABEL FILE: a case.
same() {
    if diff -U0 --label "$2" --label "$4" "$3" "$5" >"$out/diff" 2>&1; then
        case_passed
    else
        sed -i '/^@@/d' "$out/diff"
        case_failed "$1" "$out/diff"
    fi
}

# compile OUTPUT COMPILER ARG...: a failure is a case. Signed counts wrap (-fwrapv), as in CPython's own builds.
compile() {
    output=$1
    shift
    "$@" -std=c11 -fwrapv -o "$output" >"$out/log" 2>&1 && return
    grep -E -A 5 'error|undefined' "$out/log" >"$out/errors" || cp "$out/log" "$out/errors"
    case_failed "$* does not compile" "$out/errors"
    return 1
}

# The names of a pyrefcore.h: `constant NAME`, `macro NAME`, `field NAME`, `inline NAME`, and `function NAME TYPE` or
# `type NAME TYPE` with the declared type.
names() {
    printf '#include <pyrefcore.h>\n' | gcc -E -P "$@" - >"$out/ours.i" || return
    printf '#include <pyrefcore.h>\n' | gcc -dM -E "$@" - | sed -n 's/^#define \(_\{0,1\}Py[_A-Z][A-Za-z0-9_]*\).*/\1/p' |
        sort >"$out/macros" || return
    # A constant expands to numbers, operators and casts.
    { echo '#include <pyrefcore.h>'; sed 's/.*/"&" &/' "$out/macros"; } | gcc -E -P "$@" - |
        sed -n 's/^"\(_\{0,1\}Py[A-Za-z0-9_]*\)" */\1 /p' |
        awk '/Py_(REF_DEBUG|TRACE_REFS|GIL_DISABLED) / { next }
            { name = $1; $1 = ""; gsub(/Py_ssize_t|u?int[0-9]+_t/, "")
              print /[0-9]/ && /^[-0-9a-fA-FxULul()|&~<>+* ]*$/ ? "constant" : "macro", name }'
    tr -cs 'A-Za-z0-9_' '\n' <"$out/ours.i" | sort -u | sed -n '/^_\{0,1\}\(ob\|tp\|gc\)_/s/^/field /p'
    tr '\n' ' ' <"$out/ours.i" | tr ';{}' '\n\n\n' | awk '
        { inlined = /static inline/
          gsub(/__attribute__ *\(\([a-z_]*\)\)/, ""); while (sub(/(^| )(extern|static|inline) /, " ")) { }
          gsub(/^ +| +$/, ""); gsub(/ +/, " ")
          # Types that have no name in pyrefcore.h.
          gsub(/void \*tstate/, "OPAQUE(PyThreadState) *tstate")
          gsub(/void \*_?interpreter/, "OPAQUE(PyInterpreterState) *interpreter") }
        /^typedef / && !/struct|enum|union/ {
            sub(/^typedef /, "")
            if (match($0, /\(\*_?[A-Za-z]+\)/))
                print "type", substr($0, RSTART + 2, RLENGTH - 3), substr($0, 1, RSTART + 1) substr($0, RSTART + RLENGTH - 1)
            else if (match($0, /_?Py_[a-z_]+$/)) print "type", substr($0, RSTART), substr($0, 1, RSTART - 1)
            next
        }
        /^[A-Za-z][A-Za-z_0-9 ]*[ *]_?Py[A-Za-z_]+\(.*\)$/ && !/^(return|else) / {
            match($0, /_?Py[A-Za-z_]+\(/)
            name = substr($0, RSTART, RLENGTH - 1)
            if (inlined) print "inline", name
            print "function", name, substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH - 1)
        }
        /^[A-Za-z][A-Za-z_]* _Py_[A-Za-z_]+$/ && !/^(return|struct|enum) / { print "type", $2, $1 }'
}

# A case: every macro, field and inline function is in facts.c or in an operation. `Py_X` runs `_Py_X` and `_Py_X_impl`.
mentioned() {
    cat tests/header/facts.c tests/header/behave_operations.h | tr -cs 'A-Za-z0-9_' '\n' | sort -u >"$out/mentioned"
    awk 'NR == FNR { there[$1] = 1; next }
        { plain = substr($2, 2); sub(/_impl$/, "", plain) }
        /^(macro|field|inline) / && !($2 in there) && !(plain in there) { print }' \
        "$out/mentioned" "$out/names" | sort -u >"$out/forgotten"
    if [ -s "$out/forgotten" ]; then
        case_failed "pyrefcore.h has what facts.c and behave_operations.h don't mention" "$out/forgotten"
    else
        case_passed
    fi
}

# rows FILE [IDENTIFIERS]: writes the names as C. IDENTIFIERS is a file; a name that is not in it is undeclared.
rows() {
    mkdir -p "$(dirname "$1")"
    awk -v known="${2:-}" '
        BEGIN { if (known != "") while ((getline line <known) > 0) there[line] = 1 }
        $1 == "constant" { printf "#ifdef %s\nCONSTANT(%s);\n#else\nUNDECLARED(%s);\n#endif\n", $2, $2, $2; next }
        $1 != "function" && $1 != "type" { next }
        known != "" && !($2 in there) { print "UNDECLARED(" $2 ($1 == "function" ? "()" : "") ");"; next }
        { kind = toupper($1); name = $2; sub(/^[^ ]+ [^ ]+ /, ""); print kind "(" name ", " $0 ");" }' \
        "$out/names" >"$1"
}

# their_facts FILE COMPILER ARG...: the rows of a Python.h.
their_facts() {
    rows_of=$1 with=$2
    shift 2
    "$with" "$@" -w -E -P tests/header/facts_include.h 2>/dev/null | tr -cs 'A-Za-z0-9_' '\n' | sort -u >"$out/identifiers"
    rows "$out/theirs/facts_names.inc" "$out/identifiers"
    compile "$out/facts" "$with" -I"$out/theirs" "$@" tests/header/facts.c && "$out/facts" >"$rows_of"
}

# compare_facts COMPILER: compares the facts of a Python.h with ours. Facts that the public headers lack come from the
# internal ones.
compare_facts() {
    # shellcheck disable=SC2086
    their_facts "$out/public.txt" "$1" -DAGAINST_PYTHON_H $theirs $switches || return
    cp "$out/public.txt" "$out/theirs.txt"
    if [ "$minor" -ge 9 ]; then
        # shellcheck disable=SC2086
        their_facts "$out/internal.txt" "$1" -DAGAINST_PYTHON_H -DWITH_INTERNALS $theirs $internals $switches || return
        awk 'NR == FNR { public[$1] = $0; next } ($1 in public) && public[$1] !~ /undeclared$/ { print public[$1]; next }
            { print }' "$out/public.txt" "$out/internal.txt" >"$out/theirs.txt"
    fi
    [ "$1" != gcc ] || cp "$out/theirs.txt" "$out/theirs.gcc"
    # shellcheck disable=SC2086
    compile "$out/facts" "$1" -I"$out/ours" $ours $switches tests/header/facts.c && "$out/facts" >"$out/ours.txt" || return
    declared "$out/theirs.txt" "$out/ours.txt" >"$out/ours.declared"
    grep -v '() undeclared$' "$out/theirs.txt" >"$out/theirs.declared"
    same "facts beside $found, $1" pyrefcore "$out/ours.declared" "CPython $found" "$out/theirs.declared"
}

# declared THEIRS OURS: our functions without those that CPython declares nowhere.
declared() {
    awk 'NR == FNR { if (/\(\) undeclared$/) nowhere[$1] = 1; next } !($1 in nowhere)' "$1" "$2"
}

# compare_behaviour COMPILER FLAG...: shows differences operation by operation.
compare_behaviour() {
    with=$*
    # shellcheck disable=SC2086
    compile "$out/behave.theirs" "$@" -DAGAINST_PYTHON_H $theirs $switches tests/header/behave.c &&
        compile "$out/behave.ours" "$@" $ours $switches tests/header/behave.c || return
    for side in ours theirs; do
        "$out/behave.$side" "$seed" $random_words digest >"$out/$side.digest" 2>&1 || echo "ended with status $?" >>"$out/$side.digest"
    done
    if ! cmp -s "$out/ours.digest" "$out/theirs.digest"; then
        for side in ours theirs; do
            "$out/behave.$side" "$seed" $random_words >"$out/$side.digest" 2>&1 || echo "ended with status $?" >>"$out/$side.digest"
        done
    fi
    same "behaviour beside $found, $with, seed $seed" pyrefcore "$out/ours.digest" "CPython $found" "$out/theirs.digest"
}

# one FLAVOUR: all its cases.
one() {
    flavour=$1
    out=$root/$flavour/facts
    version=$(sed -n 's/^version=//p' "flavours/$flavour.txt")
    minor=${version#3.}
    record=tests/header/facts/$flavour.txt
    ours=-Itarget/dist/$flavour/include
    rm -rf "$out"
    mkdir -p "$out"
    : >"$out/cases"
    names "$ours" >"$out/names" 2>"$out/log" || { case_failed "pyrefcore.h can't be read" "$out/log"; return; }
    mentioned
    rows "$out/ours/facts_names.inc"
    flags=$(sed -n 's/^build_flags=//p' "flavours/$flavour.txt" | tr ',' ' ')
    sh tools/find_headers.sh --for "$flavour" <"$list" >"$out/headers"
    while read -r found set folders; do
        switches=$(for switch in $flags $(echo "$set" | tr ',-' '  '); do echo "-D$switch=1"; done | sort -u)
        theirs=$(echo "-I$folders" | sed 's/:/ -I/g')
        internals="-I${folders%%:*}/internal -I${folders%%:*}/internal/mimalloc"
        rm -f "$out/theirs.gcc" "$out/behave.theirs"
        for compiler in $compilers; do
            compare_facts "$compiler"
            compare_behaviour "$compiler" -O2 -DNDEBUG
        done
        compare_behaviour gcc -O0 # With assertions.
        check_record
    done <"$out/headers"
    [ -s "$out/headers" ] || compare_recorded
}

# Recorded facts come from gcc.
check_record() {
    # shellcheck disable=SC2086
    [ -f "$out/theirs.gcc" ] && compile "$out/behave.theirs" gcc -O2 -DNDEBUG -DAGAINST_PYTHON_H $theirs $switches \
        tests/header/behave.c || return # The failed compilation is already a case.
    "$out/behave.theirs" $recorded_seed $random_words digest >>"$out/theirs.gcc"
    if [ -n "$recording" ]; then
        { echo "# CPython $found: what its headers say and do, by facts.sh --record"; cat "$out/theirs.gcc"; } >"$record"
    elif [ -f "$record" ]; then
        sed 1d "$record" >"$out/recorded"
        same "recorded facts beside $found; facts.sh --record $flavour renews them" "$record" "$out/recorded" \
            "CPython $found" "$out/theirs.gcc"
    else
        case_skipped "$flavour: there are no recorded facts to be compared; facts.sh --record $flavour writes them"
    fi
}

# Compares a flavour that has no Python.h with its recorded facts.
compare_recorded() {
    if [ -n "$recording" ] || [ ! -f "$record" ]; then
        case_skipped "$flavour: no Python.h of $version here, and no recorded facts; make headers brings it"
        return
    fi
    source=$(sed -n '1s/^# \(CPython [0-9.abrc]*\).*/\1/p' "$record")
    echo "$flavour: no Python.h of $version here; compared with facts recorded from $source's; make headers brings it"
    switches=
    sed 1d "$record" >"$out/recorded"
    grep -v '() undeclared$' "$out/recorded" >"$out/recorded.declared"
    for compiler in $compilers; do
        # shellcheck disable=SC2086
        compile "$out/facts" "$compiler" -I"$out/ours" $ours tests/header/facts.c &&
            compile "$out/behave.ours" "$compiler" -O2 -DNDEBUG $ours tests/header/behave.c || continue
        { "$out/facts"; "$out/behave.ours" $recorded_seed $random_words digest; } >"$out/ours.txt"
        declared "$out/recorded" "$out/ours.txt" >"$out/ours.declared"
        same "facts recorded from $source, $compiler" pyrefcore "$out/ours.declared" "$record" "$out/recorded.declared"
    done
}

recording=
if [ "${1:-}" = --one ]; then
    seed=$2 recording=$3 compilers=$4
    one "$5" >"$root/$5.facts" 2>&1
    exit
fi
if [ "${1:-}" = --record ]; then
    recording=yes
    shift
fi
[ $# -gt 0 ] || set -- $(cd flavours && ls cp*.txt | sed 's/\.txt$//' | sort -V)
mkdir -p "$root"
sh tools/find_headers.sh >"$list"
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "seed $seed"
passed=0 failed=0 skipped=0 compilers=
for compiler in gcc clang; do
    if command -v $compiler >/dev/null; then
        compilers="$compilers $compiler"
    else
        echo "skipped: $compiler is not installed"
        skipped=$((skipped + 1))
    fi
done

built=
for flavour; do
    if make -s build FLAVOUR="$flavour" >"$root/build.log" 2>&1; then
        built="$built $flavour"
    else
        echo "FAILED $flavour does not build"
        sed 's/^/    /' "$root/build.log"
        failed=$((failed + 1))
    fi
done
# shellcheck disable=SC2086
printf '%s\n' $built | xargs -P "$(nproc)" -n 1 sh tests/header/facts.sh --one "$seed" "$recording" "$compilers"
for flavour in $built; do
    cat "$root/$flavour.facts"
    cases=$root/$flavour/facts/cases
    ok=$(grep -c passed "$cases") bad=$(grep -c failed "$cases")
    # A flavour that ended without a case is a failure.
    [ -s "$cases" ] || bad=1
    beside=$(awk '{ print " " $1 ($2 == "-" ? "" : " (" $2 ")") }' "$root/$flavour/facts/headers" | paste -s -d ,)
    echo "$flavour: $((ok + bad)) comparisons$([ "$bad" = 0 ] || echo ", $bad FAILED"), beside${beside:- no headers}"
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + $(grep -c skipped "$cases")))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
