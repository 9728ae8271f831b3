# Prints one flavour's rows as a part of the table, with the gates and whether they are reached.
#
# A line holds, separated by tabs: row, unit, ours, CPython's, their ratio (or difference), and its
# uncertainty. A line of unit "says" holds a row and why there is no figure. -v flavour=cp311

BEGIN {
    FS = "\t"
    format = "%-52s %13s %13s %16s  %-10s %s\n"
    if (head) printf format, "row", "ours", "CPython", "ratio", "gate", ""
    print "--- " flavour
}

function limit(row) {
    if (row ~ /^inline functions/ || row ~ /^inline: /) return 1
    if (row == "exported IncRef/DecRef pair") return 1.02
    if (row ~ /live table on$/) return 2
    if (row == "interpreter, preloaded, idle") return 1.01
    if (row == "interpreter, preloaded, live" || row == "audit attached, time") return 1.05
    if (row == "audit attached, memory") return 1.07
    if (row ~ /^audit: snapshot of [2-9]/) return 1.5
    return ""
}

$2 == "says" { printf "%-52s %s\n", $1, $3; next }

{
    unit = $2
    more = unit == "ns more"
    decimals = unit == "s" ? 3 : unit == "Minstr" ? 4 : 2
    if (more) unit = "ns"
    shown = unit == "s" ? "%.3f " : "%.2f "
    ours = sprintf(shown unit, $3)
    cpython = $4 == "-" ? "-" : sprintf(shown unit (more ? " off" : ""), $4)
    figure = $5 == "-" ? "-" : sprintf((more ? "%+." : "%.") decimals "f", $5)
    spread = $6 == "-" || $6 == "" || $5 == "-" ? "" : sprintf(" +-%." decimals "f", $6)
    gate = limit($1)
    verdict = ""
    if (gate != "" && figure != "-") {
        verdict = figure + 0 <= gate ? "ok" : "MISSED"
        if ($6 != "-" && $5 - $6 < gate && $5 + $6 > gate && gate != 1) verdict = verdict " (within noise)"
    }
    gate = gate == "" ? "-" : "<= " gate (more ? " ns" : "")
    printf format, $1, ours, cpython, figure spread, gate, verdict
}
