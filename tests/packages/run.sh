#!/bin/sh
# Runs `pytest --refs` over the tests of the packages in packages.txt, for each named CPython: run.sh [FLAVOUR...]
# (cp311 and cp313). PACKAGES="NAME ..." runs only these. SAMPLE=N runs only N tests of each, spread evenly over all
# tests that its line names. RUNS is the number of runs in a window (5, or the number in packages.txt). KEEP=1 takes the
# installed pyrefcore. pip brings everything into target/packages, where it stays: an environment for each Python, the
# output of each run, and every report as JSON. Prints a table in Markdown. Fails if a report is not listed in
# packages.txt.
set -u
cd "$(dirname "$0")/../.."
unset PYREFCORE PYREFCORE_REPORT LD_PRELOAD PYREFCORE_LIBRARY PYTHONPATH PYO3_PYTHON PYO3_CONFIG_FILE PYTEST_ADDOPTS
root=$PWD target=$PWD/target/packages list=$PWD/tests/packages/packages.txt verdicts=$PWD/tests/packages/verdicts
flavours=${*:-cp311 cp313}
passed=0 failed=0 skipped=0
mkdir -p "$target/sdist" "$target/tests"

fail() {
    failed=$((failed + 1))
    printf 'FAIL %s\n' "$1"
}

skip() {
    skipped=$((skipped + 1))
    printf 'skip %s\n' "$1"
}

# The lines of one kind that belong to package $2.
lines() {
    awk -v kind="$1" -v name="$2" '$1 == "package" { own = $2 == name } own && $1 == kind { $1 = ""; sub(/^ /, ""); print }' "$list"
}

# Fetches the tests of a package without its sources, which would be imported instead of the installed package.
bring_tests() {
    case $folder in
    @*)
        tests=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/${folder#@} inside=.
        [ -d "$tests" ]
        return
        ;;
    esac
    tests=$target/tests/$name-$version inside=$(basename "$folder")
    [ ! -d "$tests" ] || return 0
    scratch=$target/sdist/$name-$version
    if ! [ -d "$scratch" ]; then
        "$venv/bin/python" -m pip download -q --no-deps --no-binary "$name" -d "$scratch.new" "$name==$version" >>"$log" 2>&1 || return 1
        tar -xf "$scratch.new"/*.tar.gz -C "$scratch.new" >>"$log" 2>&1 && rm "$scratch.new"/*.tar.gz && mv "$scratch.new" "$scratch" || return 1
    fi
    mkdir -p "$tests.new" && cp -R "$scratch"/*/"$folder" "$tests.new/" && mv "$tests.new" "$tests"
}

# The numbers in the JSON file: tests checked, reports, listed reports, tests that can't be repeated.
numbers='
import collections, json, sys
count = collections.Counter(test["outcome"] for test in json.load(open(sys.argv[1]))["tests"])
listed, reports = count["allowed"], count["leaked"] + count["allowed"] + count["missing"]
print(sum(count.values()) - count["unchecked"] - count["skipped"], reports, listed, count["unchecked"])
'
unlisted='
import json, sys
for test in json.load(open(sys.argv[1]))["tests"]:
    if test["outcome"] in ("leaked", "missing"):
        print(test["test"])
        print("    " + test["text"].replace("\n", "\n    "))
'

# sample N: N lines of the input, spread evenly.
sample() {
    awk -v wanted="$1" '{ line[NR] = $0 } END { for (at = 0; at < wanted && at < NR; at++) print line[NR <= wanted ? at + 1 : int(at * NR / wanted) + 1] }'
}

# run_tests LOG [ARGUMENT...]: runs pytest in the folder of the tests. The last line of LOG has the time and outcomes.
run_tests() {
    output=$1
    shift
    (cd "$tests/$inside" && timeout "${TIMEOUT:-1800}" "$venv/bin/python" -X faulthandler "$venv/bin/pytest" -q -p no:cacheprovider -o addopts= \
        -c "$target/pytest.ini" --rootdir . "$@" >"$output" 2>&1 </dev/null)
}

count() {
    printf '%s\n' "$2" | grep -oE "[0-9]+ $1" | cut -d ' ' -f 1 | head -n 1 | grep . || echo 0
}

seconds() {
    printf '%s\n' "$1" | sed -n 's/.* in \([0-9.]*\)s.*/\1/p'
}

one_package() {
    "$venv/bin/python" -m pip install -q "$name==$version" $(lines needs "$name") >>"$log" 2>&1 ||
        { skip "$name $version on $flavour: pip can't install it (${log#"$root/"})"; return; }
    bring_tests || { fail "$name $version: its tests can't be brought (${log#"$root/"})"; return; }
    set -f
    # Unquoted on purpose: each word of the list is one argument.
    set -- $arguments $(lines leave "$name" | sed 's/ .*//; s/^/--deselect=/')
    set +f
    say=$target/$flavour-$name
    rm -f "$say.json"
    if [ -n "${SAMPLE:-}" ]; then
        run_tests "$say.all" --collect-only "$@"
        grep '::' "$say.all" | sample "$SAMPLE" >"$say.sample"
        set -- "@$say.sample"
    fi
    run_tests "$say.plain" "$@"
    plain=$?
    before=$(tail -n 1 "$say.plain")
    allow=$(lines real "$name" | awk '{ print $1 " | " $2 " | " $3 }')
    runs=$(lines runs "$name" | sed 's/ .*//')
    run_tests "$say.refs" --refs --refs-runs "${RUNS:-${runs:-5}}" --refs-json "$say.json" -o refs_allow="$allow" "$@"
    status=$?
    after=$(tail -n 1 "$say.refs")
    label="$name $version on $flavour"
    if [ "$plain" != 0 ]; then
        tail -n 30 "$say.plain"
        fail "$label: pytest alone ends with status $plain (${say#"$root/"}.plain)"
        return
    fi
    if [ "$status" -gt 1 ] || ! figures=$("$venv/bin/python" -c "$numbers" "$say.json" 2>/dev/null); then
        tail -n 60 "$say.refs"
        fail "$label: pytest --refs ends with status $status and no report (${say#"$root/"}.refs)"
        return
    fi
    read -r checked reports listed unchecked <<EOF_FIGURES
$figures
EOF_FIGURES
    printf '| %s %s | %s | %s | %s | %s | %s | %s | %s |\n' "$name" "$version" "$python_version" "$((checked + unchecked))" "$(seconds "$before")" \
        "$(seconds "$after")" "$reports" "$listed" "$unchecked"
    if [ "$reports" != "$listed" ]; then
        "$venv/bin/python" -c "$unlisted" "$say.json"
        fail "$label: $((reports - listed)) of $reports reports are not listed (${say#"$root/"}.json)"
    elif [ "$(count passed "$before")" != "$(count passed "$after")" ]; then
        fail "$label: --refs changes what passes: $after, without it $before"
    else
        passed=$((passed + 1))
    fi
    # A listed bug must also show without pyrefcore.
    [ "$listed" = 0 ] || for file in $(lines real "$name" | awk '{ print $3 }' | sort -u); do
        if "$venv/bin/python" "$verdicts/$file" >"$say.verdict" 2>&1; then
            passed=$((passed + 1))
        else
            cat "$say.verdict"
            fail "$label: $file does not show a bug"
        fi
    done
}

printf '[pytest]\n' >"$target/pytest.ini"
printf '| package | Python | tests | s | s with --refs | reports | listed | not repeatable |\n| --- | --- | --: | --: | --: | --: | --: | --: |\n'
for flavour in $flavours; do
    venv=$target/$flavour log=$target/$flavour.log
    python=$(sh tools/find_pythons.sh | sed -n "s/^$flavour \(.*\) [a-z]*$/\1/p" | while IFS= read -r one; do
        "$one" -c 'import ensurepip' 2>/dev/null && echo "$one" && break
    done)
    [ -n "$python" ] || { skip "$flavour: there is no such Python that can make an environment"; continue; }
    [ -d "$venv" ] || "$python" -m venv "$venv" >"$log" 2>&1 || { fail "$flavour: no environment (${log#"$root/"})"; continue; }
    "$venv/bin/python" -m pip install -q pytest >>"$log" 2>&1 || { skip "$flavour: pip can't bring pytest (${log#"$root/"})"; continue; }
    [ -n "${KEEP:-}" ] || "$venv/bin/python" -m pip install -q --force-reinstall --no-deps . >>"$log" 2>&1 ||
        { fail "$flavour: pip can't install pyrefcore (${log#"$root/"})"; continue; }
    python_version=$("$venv/bin/python" -c 'import platform; print(platform.python_version())')
    while read -r word name version folder arguments; do
        [ "$word" = package ] || continue
        [ -z "${PACKAGES:-}" ] || case " $PACKAGES " in *" $name "*) ;; *) continue ;; esac
        one_package
    done <"$list"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
