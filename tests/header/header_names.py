"""The names that a header declares, read from what the preprocessor prints."""

import fnmatch
import functools
import os
import re
import shlex
import tempfile

from harness.commands import run

CC = shlex.split(os.environ.get("CC", "gcc"))
IDENTIFIER = re.compile(r"\w+", re.ASCII)


def preprocessed(cc, source, *options):
    """What the preprocessor makes of a source's text."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "source.c")
        with open(path, "w") as file:
            file.write(source)
        return run([*cc, "-E", "-w", *options, path])


# ---- The names of pyrefcore.h, with their declared types ----


def _is_constant(expansion):
    """Whether a macro expands to numbers, operators and casts."""
    rest = re.sub(r"Py_ssize_t|u?int[0-9]+_t", "", expansion)
    return bool(re.search(r"[0-9]", rest) and re.match(r"[-0-9a-fA-FxULul()|&~<>+* ]*$", rest))


def _macros(include):
    text = preprocessed(["gcc"], "#include <pyrefcore.h>\n", "-dM", include)
    names = sorted(re.findall(r"^#define (_?Py[_A-Z]\w*)", text, re.M))
    source = "#include <pyrefcore.h>\n" + "".join('"%s" %s\n' % (name, name) for name in names)
    for name, expansion in re.findall(r'^"(_?Py\w*)" *(.*)', preprocessed(["gcc"], source, "-P", include), re.M):
        if not re.match(r"Py_(REF_DEBUG|TRACE_REFS|GIL_DISABLED)$", name):
            yield "constant" if _is_constant(expansion) else "macro", name, ""


def _declarations(text):
    for statement in re.split("[;{}]", text.replace("\n", " ")):
        inlined = "static inline" in statement
        statement = re.sub(r"__attribute__ *\(\([a-z_]*\)\)", "", statement)
        statement = re.sub(r"(?<!\S)((extern|static|inline) +)+", " ", statement)
        statement = re.sub(" +", " ", statement).strip(" ")
        # Types that have no name in pyrefcore.h.
        statement = re.sub(r"void \*tstate", "OPAQUE(PyThreadState) *tstate", statement)
        statement = re.sub(r"void \*_?interpreter", "OPAQUE(PyInterpreterState) *interpreter", statement)
        if statement.startswith("typedef ") and not re.search("struct|enum|union", statement):
            pointer = re.match(r"typedef (.*?\(\*)(_?[A-Za-z]+)(\).*)", statement)
            plain = re.match(r"typedef (.*?)(_?Py_[a-z_]+)$", statement)
            if pointer:
                yield "type", pointer.group(2), pointer.group(1) + pointer.group(3)
            elif plain:
                yield "type", plain.group(2), plain.group(1)
            continue
        function = re.match(r"(?!return |else )([A-Za-z][\w ]*[ *])(_?Py[A-Za-z_]+)(\(.*\))$", statement)
        variable = re.match(r"(?!return |struct |enum )([A-Za-z][A-Za-z_]*) (_Py_[A-Za-z_]+)$", statement)
        if function:
            if inlined:
                yield "inline", function.group(2), ""
            yield "function", function.group(2), function.group(1) + function.group(3)
        elif variable:
            yield "type", variable.group(2), variable.group(1)


@functools.lru_cache(maxsize=None)
def own_names(folder):
    """`kind, name, declared type` of each name of the pyrefcore.h in a folder.

    The kind is constant, macro, field, inline, function or type. Only the last two have a declared type."""
    include = "-I" + folder
    text = preprocessed(["gcc"], "#include <pyrefcore.h>\n", "-P", include)
    fields = sorted(word for word in set(IDENTIFIER.findall(text)) if re.match("_?(ob|tp|gc)_", word))
    return [*_macros(include), *(("field", name, "") for name in fields), *_declarations(text)]


# ---- The names of any header, with their forms ----


def _form(statement):
    """The `name, form` that a statement at the top level declares, or None."""
    attribute = re.compile(r"__attribute__ *\(\(([^()]|\([^()]*\))*\)\)")
    while attribute.search(statement):
        statement = attribute.sub("", statement)
    statement = re.sub(r"[ \t]+", " ", statement).strip(" ")
    if re.match(r"(struct|enum|union) \w*$", statement):
        return None
    if statement.startswith("typedef"):
        form, found = "type", re.search(r"\( ?\* ?(\w+) ?\)", statement) or re.search(r"(\w+)$", statement)
    else:
        form, found = "function", re.search(r"(\w+) ?\(", statement)
        if not found:
            form, found = "variable", re.search(r"(\w+) ?(\[[^]]*\])*$", statement)
    return (found.group(1), form) if found else None


def _macro(line):
    name, parameters = re.match(r"#define (\w+)(\([^)]*)?", line).groups()
    if parameters is None:
        return name, "macro"
    return name, "macro%d" % (0 if parameters == "(" else parameters.count(",") + 1)


def forms(text, wanted):
    """`name, form` of all that the files which match `wanted` define or declare. `text` comes from gcc -E -dD.

    The form is macro, macroN with N parameters, function, variable or type. A static inline function is a function."""
    found, code, is_wanted = set(), [], False
    for line in text.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            is_wanted = bool(re.search(wanted, marker.group(1)))
        elif is_wanted and line.startswith("#define "):
            found.add(_macro(line))
        elif is_wanted and not line.startswith("#"):
            code.append(line)
    statement, depth = "", 0
    for piece, end in re.findall("([^{};]*)([{};])", " ".join(code)):
        if depth == 0:
            statement += piece
        if end == "{":
            if depth == 0 and re.search('extern "C" *$', statement):
                statement = ""
            else:
                depth += 1
            continue
        if end == "}":
            depth = max(depth - 1, 0)
            # A type is named, or a variable declared, behind the braces of a struct. A function's body ends there.
            if re.search("(struct|enum|union)[ A-Za-z_]*$", statement):
                continue
        if depth == 0:
            found.add(_form(statement))
            statement = ""
    return found - {None}


def matches(name, patterns):
    """The patterns that match a name. In them, * stands for any letters."""
    return [pattern for pattern in patterns if fnmatch.fnmatchcase(name, pattern)]
