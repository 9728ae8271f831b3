# Prints one flavour's instructions, or, with -v last=1, the sums over all flavours' rows.
#
# A line holds, separated by tabs: kind, row, ours, CPython's, in a host. -v flavour=cp311

BEGIN { FS = "\t" }

function flavour_of(file) { sub(/\/counts$/, "", file); sub(/.*\//, "", file); return file }
# An exported function takes at most 1.02 times CPython's time (table.awk). docs/design.md explains each row above 1.05.
function gate(kind) { return kind == "i" ? 1 : 1.05 }
function ratio(a, b) { return b > 0 ? a / b : (a > 0.005 ? 9.99 : 1) }

last {
    if ($4 == "-") next
    rows++
    if (ratio($3, $4) > gate($1) + 0.0049) { above++; list = list sprintf("%s\n  %s %s %.2f", above > 1 ? ";" : "", flavour_of(FILENAME), ($1 == "i" ? "inline " : "") $2, ratio($3, $4)) }
    if ($5 != "-") { hosted++; if (ratio($5, $4) > gate($1) + 0.0049) hosted_above++ }
    next
}

FNR == 1 {
    format = "%-62s %8s %8s %7s  %-6s %8s %7s\n"
    printf format, "--- " flavour ": instructions of a call", "ours", "CPython", "ratio", "", "in a host", "ratio"
}
{
    name = ($1 == "f" ? "" : $1 == "i" ? "inline: " : "loop: ") $2
    figure = $4 == "-" ? "-" : sprintf("%.2f", ratio($3, $4))
    verdict = figure == "-" ? "" : figure + 0 <= gate($1) ? "ok" : "ABOVE"
    host = $5 == "-" ? "-" : sprintf("%.1f", $5)
    host_figure = $5 == "-" || $4 == "-" ? "-" : sprintf("%.2f", ratio($5, $4))
    printf format, name, sprintf("%.1f", $3), $4 == "-" ? "-" : sprintf("%.1f", $4), figure, verdict, host, host_figure
}

END {
    if (last) {
        printf "%d rows, %d above their gate%s%s\n", rows, above, above ? ":" : "", list
        printf "in a host: %d rows, %d above their gate\n", hosted, hosted_above
    }
}
