#!/bin/sh
# Compares the exports of each flavour's shared library with flavours/symbols.txt.
#
#   symbols.sh [FLAVOUR...]      the default is all of them
#
# Prints the differences and how to remove them; the exit status is then 1. Each line of the list must also concern a
# flavour of flavours/branches.txt. The last line is "N passed, N failed, N skipped".

set -u
cd "$(dirname "$0")/../.." || exit 2
[ $# -gt 0 ] || set -- $(cd flavours && ls cp*.txt | sed 's/\.txt$//' | sort -V)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# wanted FLAVOUR: "name kind line", from the list.
wanted() {
    awk -v minor="$(sed -n 's/^version=3\.//p' "flavours/$1.txt")" \
        -v flags="$(sed -n 's/^build_flags=//p' "flavours/$1.txt")" '
        function in_range(range,    ends, low, high) {
            if (split(range, ends, "-") == 1) ends[2] = ends[1]
            low = substr(ends[1], 3) + 0
            high = ends[2] == "" ? 99 : substr(ends[2], 3) + 0
            return minor >= low && minor <= high
        }
        /^#/ || NF == 0 { next }
        NF < 5 || $2 !~ /^[FD]$/ || $4 !~ /^(-|RD|TR|FT)$/ {
            print "flavours/symbols.txt:" FNR ": it needs name, kind, versions, condition and CPython" >"/dev/stderr"
            exit 2
        }
        $4 == "FT" && flags !~ /Py_GIL_DISABLED/ { next }
        $4 == "RD" && flags !~ /Py_REF_DEBUG/ || $4 == "TR" && flags !~ /Py_TRACE_REFS/ { next }
        {
            n = split($3, ranges, ",")
            for (i = 1; i <= n; i++) if (in_range(ranges[i])) { print $1, $2, FNR; break }
        }' flavours/symbols.txt | sort
}

passed=0 failed=0
for flavour in $(sed -n '/^cp/p' flavours/branches.txt); do wanted "$flavour"; done |
    awk 'NR == FNR { concerns[$3] = 1; next } !/^#/ && NF && !(FNR in concerns)' - flavours/symbols.txt >"$work/left"
if [ -s "$work/left" ]; then
    failed=1
    echo "flavours/branches.txt has no flavour for these branches of src/capi/mod.rs:"
    cat "$work/left"
else
    passed=1
fi
for flavour; do
    library=target/dist/$flavour/lib/libpyrefcore.so
    if ! make -s build FLAVOUR="$flavour" >"$work/build.log" 2>&1; then
        cat "$work/build.log"
        failed=$((failed + 1))
        continue
    fi
    wanted "$flavour" | cut -d ' ' -f 1,2 >"$work/wanted"
    nm -D --defined-only "$library" | awk '{ print $3, $2 ~ /^[TW]$/ ? "F" : "D" }' | sort >"$work/found"
    if [ -s "$work/wanted" ] && cmp -s "$work/wanted" "$work/found"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$flavour: - stands in flavours/symbols.txt, + is exported"
        diff -U 0 "$work/wanted" "$work/found" | sed -n '/^[-+][^-+]/p'
        echo "If the export is meant, review it against CPython and write it into flavours/symbols.txt;"
        echo "if it is not, mend the cfg in src/capi/mod.rs. Then: tests/header/symbols.sh $flavour"
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
