# Prints `NAME FORM` for what the files that match `wanted` define or declare; reads the output of `gcc -E -dD`.
# FORM is macro, macroN with N parameters, function, variable or type. A static inline function is a function.
/^# [0-9]+ "/ { file = $3; gsub(/"/, "", file); here = file ~ wanted; next }
!here { next }
/^#define / {
    match($0, /^#define [A-Za-z0-9_]+/)
    name = substr($0, 9, RLENGTH - 8)
    parameters = substr($0, RLENGTH + 1)
    form = "macro"
    if (parameters ~ /^\(/) {
        sub(/\).*/, "", parameters)
        form = form (length(parameters) == 1 ? 0 : gsub(/,/, "", parameters) + 1)
    }
    print name, form
    next
}
/^#/ { next }
{ text = text " " $0 }
END {
    count = split(text, pieces, /[{};]/)
    depth = at = 0
    for (i = 1; i <= count; i++) {
        at += length(pieces[i]) + 1
        ends = substr(text, at, 1)
        if (depth == 0) statement = statement pieces[i]
        if (ends == "{" && statement ~ /extern "C" *$/ && depth == 0) statement = ""
        else if (ends == "{") depth++
        else if (ends == "}" && depth > 0) {
            # A type is named, or a variable declared, behind the braces of a struct; a function's body ends there.
            if (--depth == 0 && statement !~ /(struct|enum|union)[ A-Za-z_]*$/) declared(statement)
        }
        else if (ends == ";" && depth == 0) declared(statement)
    }
}
function declared(what,    form) {
    statement = ""
    while (sub(/__attribute__ *\(\(([^()]|\([^()]*\))*\)\)/, "", what)) { }
    gsub(/[ \t]+/, " ", what)
    gsub(/^ | $/, "", what)
    if (what ~ /^(struct|enum|union) [A-Za-z0-9_]*$/) return
    if (what ~ /^typedef/) {
        form = "type"
        if (!match(what, /\( ?\* ?[A-Za-z0-9_]+ ?\)/)) match(what, /[A-Za-z0-9_]+$/)
    } else if (match(what, /[A-Za-z0-9_]+ ?\(/)) form = "function"
    else if (match(what, /[A-Za-z0-9_]+ ?(\[[^]]*\])*$/)) form = "variable"
    if (form == "" || RSTART == 0) return
    what = substr(what, RSTART, RLENGTH)
    gsub(/\[.*|[^A-Za-z0-9_]/, "", what)
    print what, form
}
