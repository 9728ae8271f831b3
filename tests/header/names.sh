#!/bin/sh
# Compares the names in pyrefcore.h with those in CPython's own headers of counting.
#
#   names.sh [FLAVOUR...]      the default is all of them
#
# Takes every macro, function, variable and type of a real object.h, cpython/object.h or refcount.h for a flavour. Each
# must be in pyrefcore.h in the same form, or in flavours/header_left_out.txt with a reason. facts.sh checks the type
# and the effect of each name.
#
# Uses CC. The last line is "N passed, N failed, N skipped"; each skipped case is named above it.

set -u
cd "$(dirname "$0")/../.." || exit 2
all=0
[ $# -gt 0 ] || { all=1; set -- $(cd flavours && ls cp*.txt | sed 's/\.txt$//' | sort -V); }
cc=${CC:-gcc}
list=flavours/header_left_out.txt
out=$PWD/target/header/names
rm -rf "$out"
mkdir -p "$out"

passed=0 failed=0 skipped=0
# case_of NAME FILE: passes if the file, a list of errors, is empty.
case_of() {
    if [ -s "$2" ]; then
        failed=$((failed + 1))
        echo "FAILED $1"
        sed 's/^/    /' "$2"
    else
        passed=$((passed + 1))
    fi
}

# names HEADER FILES COMPILER-ARG...: "NAME FORM" of each name that these files define when the header is included.
names() {
    header=$1 files=$2
    shift 2
    printf '#include <%s>\n' "$header" | $cc -E -dD -w "$@" - | awk -v wanted="$files" -f tests/header/names.awk | sort -u
}

# The list as "PATTERN REGULAR-EXPRESSION".
grep -v '^#' "$list" | awk '
    NF == 1 { print $1, "has no reason" >"/dev/stderr" }
    NF { pattern = $1; gsub(/\*/, "[A-Za-z0-9_]*", pattern); print $1, "^" pattern "$" }' >"$out/list" 2>"$out/wrong"
case_of "$list" "$out/wrong"

# beside THEIRS OURS: the names that THEIRS has and OURS lacks.
beside() {
    awk -v list="$out/list" -v used="$out/used" '
        BEGIN { while ((getline line <list) > 0) { split(line, row, " "); left[row[1]] = row[2] } }
        # A function may replace a macro with parameters, because a caller uses both in the same way.
        function same(form, name) {
            return (name, form) in ours || (form ~ /^macro[0-9]/ && (name, "function") in ours)
        }
        function left_out(name,    pattern) {
            for (pattern in left) if (name ~ left[pattern]) return pattern
            return ""
        }
        NR == FNR { ours[$1, $2] = 1; forms[$1] = forms[$1] " " $2; next }
        { pattern = left_out($1) }
        same($2, $1) { next }
        pattern != "" { print pattern >>used; next }
        $1 in forms { print $1, "is a " $2 " there, and here a" forms[$1]; next }
        { print $1, "(" $2 ") is missing" }' "$2" "$1"
}

sh tools/find_headers.sh >"$out/headers"
for flavour; do
    if ! make -s build FLAVOUR="$flavour" >"$out/log" 2>&1; then
        case_of "$flavour does not build" "$out/log"
        continue
    fi
    names pyrefcore.h 'pyrefcore\\.h$' "-Itarget/dist/$flavour/include" >"$out/ours"
    sh tools/find_headers.sh --for "$flavour" <"$out/headers" >"$out/for"
    if [ ! -s "$out/for" ]; then
        skipped=$((skipped + 1))
        echo "skipped: $flavour: no Python.h of its version; make headers brings those of the newest versions"
    fi
    while read -r found set folders; do
        switches=$(for switch in $(sed -n 's/^build_flags=//p' "flavours/$flavour.txt" | tr ',' ' ') $(echo "$set" | tr ',-' '  '); do
            echo "-D$switch=1"; done | sort -u)
        # shellcheck disable=SC2086
        names Python.h '(^|/)(object|refcount|cpython/object)\\.h$' $(echo "-I$folders" | sed 's/:/ -I/g') $switches >"$out/theirs"
        beside "$out/theirs" "$out/ours" >"$out/wrong"
        grep -q '^_Py_Dealloc function' "$out/theirs" || echo "its names can't be read" >>"$out/wrong"
        case_of "$flavour: names beside Python.h $found $(echo "$set" | sed 's/^-$//')" "$out/wrong"
    done <"$out/for"
done
if [ $all = 1 ]; then
    sort -u "$out/used" >"$out/needed"
    cut -d ' ' -f 1 "$out/list" | grep -vxF -f "$out/needed" | sed 's/$/ is left out, and no header has it/' >"$out/wrong"
    case_of "$list, against all headers" "$out/wrong"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
