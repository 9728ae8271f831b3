"""The live table, tracemalloc and the tracer are right in a running interpreter."""

import os

import pytest

TRACER = """
static long heard_[4];
int tracer(void *op, int event, void *data) {
    if (data != (void *) 4242) heard_[3]++;
    if (op) heard_[event & 1]++;
    return 0;
}
long heard(int event) { return heard_[event & 3]; }
"""

KEEPS_TRACER = """
import ctypes, sys, tracemalloc
get = ctypes.pythonapi.PyRefTracer_GetTracer
get.restype = ctypes.c_void_p
tracemalloc.start()
before = get(None)
ctypes.PyDLL(sys.argv[1])
print(bool(before), before == get(None))
"""

KINDS = "Thing Slotted Text list dict tuple bytes float int set function bytearray str".split()
MODEL = sorted("float bytes bytearray list dict set complex Thing Slotted".split())
CHURN = "left behind: {}\nin all: True True\n"
TABLE = "gc.get_objects() outside the table: {}\n"

# What functions of inside.py print.
SIX = {
    "precise": "1000 500 (7, 507) 0 0\n",
    "exact": "".join("%s True True True True\n" % name for name in KINDS),
    "churn": CHURN,
    "model": "".join("%s ok\n" % name for name in MODEL),
    "collector": TABLE + "held: True\n",
    "resized": "moved out of the table: {}\ncounted: {}\nleft: {}\n",
}
EXPECTED = dict(
    SIX,
    phantoms="True 2500\n",
    resurrect="saved 50 alive 50\nalive 0\nsaved 30 alive 30\nalive 0\n",
    reborn="twice born: True as often dead: True\n",
    threads="3200\n0\n" + TABLE,
    fork="child 0 parent 100\n",
)
# The settings under which functions of inside.py run.
RUNS = [
    ("plain", EXPECTED, {}),
    ("malloc", [*SIX, "threads"], {"PYTHONMALLOC": "malloc"}),
    ("debug", SIX, {"PYTHONMALLOC": "debug"}),
    ("malloc_debug", ["churn", "resized"], {"PYTHONMALLOC": "malloc_debug"}),
    ("dev", ["precise", "collector"], {"flags": ("-X", "dev")}),
    ("tracemalloc", ["precise", "model"], {"flags": ("-X", "tracemalloc=2")}),
    ("trace", ["precise"], {"words": "live,trace", "timeout": 300}),
]


@pytest.mark.hosts(kind="replaceable", since=9)
@pytest.mark.parametrize(
    "what, settings",
    [pytest.param(what, settings, id="%s-%s" % (what, name)) for name, every, settings in RUNS for what in every],
)
def test_the_live_table_is_right(tested, what, settings):
    settings = dict({"words": "live"}, **settings)
    # A free-threaded CPython has only mimalloc.
    if tested.flavour.is_free_threaded and settings.get("PYTHONMALLOC", "").startswith("malloc"):
        settings["PYTHONMALLOC"] = "mi" + settings["PYTHONMALLOC"]
    assert tested.inside(what, **settings) == (0, EXPECTED[what], "")


@pytest.mark.hosts(kind="replaceable", since=9)
@pytest.mark.parametrize("words, expected", [(None, ""), ("live", TABLE)], ids=["idle", "live"])
def test_subinterpreters_leave_nothing_in_the_live_table(tested, words, expected):
    result = tested.inside("subinterpreters", flags=("-W", "ignore"), words=words, alone=not words)
    assert (result.status, result.out) == (0, expected + "done\n")
    assert "True" not in result.err, "objects of interpreters that have ended stay in the table"


@pytest.mark.hosts(kind="replaceable", since=9)
def test_the_live_table_may_be_switched_on_in_a_running_interpreter(tested):
    expected = "born since: 30\nborn since: 30\n" + CHURN + "left: 0\n" + CHURN
    assert tested.inside("switch") == (0, expected, "")


@pytest.mark.parametrize("words", [None, "live"])
def test_deep_chains_die(tested, words):
    assert tested.inside("deep", words=words) == (0, "gone\n", "")


def test_tracemalloc_prints_the_same_as_without_the_library(tested):
    plain = tested.inside("tracemalloc", preload=False)
    assert plain.status == 0, "the script is wrong"
    for words in None, "live":
        assert tested.inside("tracemalloc", words=words, alone=True) == plain


@pytest.mark.hosts(since=13)
def test_a_tracer_of_the_program_gets_all_events(tested):
    helper = tested.compiled("tracer.so", TRACER, "-shared", "-fPIC")
    plain = tested.inside("ref_tracer", helper, preload=False)
    assert plain.status == 0 and "later True named True 4242 wrong data 0" in plain.out, "the script is wrong"
    report = os.path.join(tested.folder, "report")
    for settings in {}, {"words": "live"}, {"report": report}, {"words": "live,trace"}:
        assert tested.inside("ref_tracer", helper, alone=True, **settings) == plain


@pytest.mark.hosts(kind="replaceable", since=13)
def test_a_python_that_opens_the_library_keeps_its_tracer(tested):
    assert tested.run("-c", KEEPS_TRACER, tested.library, preload=False).out == "True True\n"


@pytest.mark.hosts(kind="static")
def test_the_report_says_that_an_interpreter_binds_its_own_calls(tested):
    result = tested.run("-c", "print('ran'); raise SystemExit(7)", report="stderr", words="live")
    assert (result.status, result.out) == (7, "ran\n")
    assert "note: this interpreter binds its own calls directly" in result.err


@pytest.mark.hosts(kind="static")
@pytest.mark.parametrize("words", ["live", "live,trace"])
def test_an_interpreter_that_binds_its_own_calls_works_with_everything_on(tested, words):
    result = tested.inside("churn", words=words, report=os.path.join(tested.folder, "report"))
    assert (result.status, result.err) == (0, "")


@pytest.mark.hosts(kind="replaceable", until=8)
def test_the_report_says_that_births_are_not_seen(tested):
    assert "note:" in tested.run("-c", "pass", report="stderr").err
