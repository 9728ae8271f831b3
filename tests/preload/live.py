"""Cases of run.sh: the live table, tracemalloc and the tracer in a running interpreter."""

import os
from environment import BABBLE
from tested import CASES, INSIDE, TRACER, case, need


def live_case(what, expected, since=(3, 9), **options):
    """A case that runs a function with the live table on, and expects this output."""
    def check(t):
        t.need_births()
        mine = dict(options)
        # A free-threaded CPython has only mimalloc.
        if t.python.free_threaded and mine.get("PYTHONMALLOC", "").startswith("malloc"):
            mine["PYTHONMALLOC"] = "mi" + mine["PYTHONMALLOC"]
        t.expect(what, expected, **mine)
    check.__name__ = "live_" + what + options.pop("suffix", "")
    check.__doc__ = expected
    CASES.append((check.__name__, "shared", (since, (3, 99)), check))


KINDS = "Thing Slotted Text list dict tuple bytes float int set function bytearray str".split()
EXACT = "".join("%s True True True True\n" % name for name in KINDS)
MODEL = "".join("%s ok\n" % name for name in sorted(
    "float bytes bytearray list dict set complex Thing Slotted".split()))
CHURN = "left behind: {}\nin all: True True\n"
TABLE = "gc.get_objects() outside the table: {}\n"
PRECISE = "1000 500 (7, 507) 0 0\n"

FUNCTIONS = {"precise": PRECISE, "exact": EXACT, "churn": CHURN, "model": MODEL, "collector": TABLE + "held: True\n",
             "resized": "moved out of the table: {}\ncounted: {}\nleft: {}\n"}
for suffix, functions, options in (
    ("", FUNCTIONS, {}),
    ("_malloc", FUNCTIONS, {"PYTHONMALLOC": "malloc"}),
    ("_debug", FUNCTIONS, {"PYTHONMALLOC": "debug"}),
    ("_malloc_debug", ("churn", "resized"), {"PYTHONMALLOC": "malloc_debug"}),
    ("_dev", ("precise", "collector"), {"flags": ("-X", "dev")}),
    ("_tracemalloc", ("precise", "model"), {"flags": ("-X", "tracemalloc=2")}),
    ("_trace", ("precise",), {"words": "live,trace", "timeout": 300}),
):
    for what in functions:
        live_case(what, FUNCTIONS[what], suffix=suffix, **options)
live_case("phantoms", "True 2500\n")
live_case("resurrect", "saved 50 alive 50\nalive 0\nsaved 30 alive 30\nalive 0\n")
live_case("reborn", "twice born: True as often dead: True\n")
live_case("threads", "3200\n0\n" + TABLE)
live_case("threads", "3200\n0\n" + TABLE, suffix="_malloc", PYTHONMALLOC="malloc")
live_case("fork", "child 0 parent 100\n")


@case()
def live_subinterpreters(t):
    t.need_births()
    flags = ("-W", "ignore")
    plain = t.inside("subinterpreters", preload=False, flags=flags)
    need(plain.status == 0 and plain.out == "done\n", "the script is wrong", plain)
    for words in (None, "live"):
        result = t.inside("subinterpreters", flags=flags, words=words) if words else t.run(
            "-B", *flags, INSIDE, "-", "subinterpreters")
        need(result.status == 0 and result.out == (TABLE if words else "") + "done\n", "PYREFCORE=%s" % words, result)
        need("True" not in result.err, "objects of interpreters that have ended stay in the table", result)


@case()
def switched_on_later(t):
    """The table is exact even if it is switched on in a running interpreter."""
    t.need_births()
    t.expect("switch", "born since: 30\nborn since: 30\n" + CHURN + "left: 0\n" + CHURN, words=None)


@case("both")
def deep_chains(t):
    for words in (None, "live"):
        t.expect("deep", "gone\n", words=words)


@case("both")
def tracemalloc(t):
    """tracemalloc gives exactly the same output as without the library."""
    for words in (None, "live"):
        t.expect_as_plain("tracemalloc", words=words)


@case("both")
def dev_mode(t):
    """-X dev prints no additional warnings."""
    plain = t.run("-X", "dev", "-c", BABBLE, preload=False)
    for words in (None, "live"):
        t.same(plain, t.run("-X", "dev", "-c", BABBLE, words=words))


@case("both", since=(3, 13))
def ref_tracer(t):
    """A tracer that the program sets gets all events."""
    helper = t.compiled("tracer.so", TRACER, "-shared", "-fPIC")
    plain = t.plain("ref_tracer", helper)
    need(plain.status == 0 and "later True named True 4242 wrong data 0" in plain.out, "the script is wrong", plain)
    for words, report in ((None, None), ("live", None), (None, os.path.join(t.folder, "report")), ("live,trace", None)):
        t.expect_as_plain("ref_tracer", helper, words=words, report=report)


@case(since=(3, 13))
def tracer_survives_an_opening(t):
    """A running Python that opens the library, without a preload, keeps its tracer."""
    code = ("import ctypes, sys, tracemalloc\nget = ctypes.pythonapi.PyRefTracer_GetTracer\nget.restype = ctypes.c_void_p\n"
            "tracemalloc.start()\nbefore = get(None)\nctypes.PyDLL(sys.argv[1])\nprint(bool(before), before == get(None))")
    result = t.run("-c", code, t.library, preload=False)
    need(result.out == "True True\n", "the tracer is gone", result)


@case("static")
def static_says_so(t):
    result = t.run("-c", "print('ran'); raise SystemExit(7)", report="stderr", words="live")
    need(result.status == 7 and result.out == "ran\n", "the program was disturbed", result)
    need("note: this interpreter binds its own calls directly" in result.err, "no note", result)


@case("static")
def static_with_everything_on(t):
    for words in ("live", "live,trace"):
        result = t.inside("churn", words=words, report=os.path.join(t.folder, "report"))
        need(result.status == 0 and not result.err, "a static interpreter was disturbed", result)


@case(until=(3, 8))
def unseen_births_are_noted(t):
    """3.8 makes objects without calling a function of the library: a note in the report says so."""
    result = t.run("-c", "pass", report="stderr")
    need("note:" in result.err, "no note", result)
