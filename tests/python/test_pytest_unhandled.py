"""Exceptions that no code handles, and what finalizers say, are reported as those of the first run."""

import pytest
from test_over_release import holds_back

pytest_plugins = ["pytester", "project"]

UNHANDLED = """
import threading
class Runs:
    # The number of the run, without a new object.
    numbers = (ctypes.c_size_t * 9)()
    @classmethod
    def next(cls, at):
        cls.numbers[at] += 1
        return cls.numbers[at]
class Raises:
    def __init__(self, name, at): self.says = "%s %d" % (name, Runs.next(at))
    def __del__(self): raise ValueError(self.says)
def in_thread(says):
    def raises(): raise ValueError(says)
    thread = threading.Thread(target=raises)
    thread.start()
    thread.join()
def test_thread(): in_thread("thread %d" % Runs.next(0))
def test_finalizer(): Raises("finalizer", 1)
"""


def test_unhandled_exceptions_are_shown_once(project):
    assert project.run(UNHANDLED + "def test_runs(): assert min(Runs.numbers[:2]) > 1", "-p", "no:pastebin") == 0
    project.says("3 passed, 2 warnings")
    for name in ("thread", "finalizer"):
        assert project.output.count("ValueError: %s 1\n" % name) == 1, project.output
        project.is_silent_about("ValueError: %s 2" % name)


def test_an_unhandled_exception_that_is_an_error_is_one(project):
    project.run(UNHANDLED, "-W", "error", "--tb=native", refs=())
    plain = project.output
    if "2 failed" not in plain:
        pytest.skip("this pytest does not make errors of them")
    assert project.run(UNHANDLED, "-W", "error", "--tb=native") == 1
    project.says("2 failed")
    for text in ("ValueError: thread 1\n", "ValueError: finalizer 1\n"):
        assert project.output.count(text) == plain.count(text), project.output
    project.is_silent_about("thread 2", "finalizer 2", "sub-exceptions")


SAYS = """
class Says:
    def __init__(self, text): self.text = text
    def __del__(self): print(self.text); logging.warning(self.text); warnings.warn(self.text)
runs = (ctypes.c_size_t * 9)()
@pytest.fixture
def box(): return [Says("put off")]
def test_put_off(box): box[0] = None
@pytest.fixture
def other(): return [Says("put off, and not repeated")]
def test_not_repeated(other): del other[0]
def test_cycle():
    runs[0] += 1
    one = Says("cycle %d" % runs[0])
    one.me = one
def test_after(): import gc; gc.collect(); assert runs[0] > 1
"""


@holds_back
def test_what_finalizers_say_is_said_once(project):
    """That of an object that only the guard has kept, and that of the first run's garbage."""
    assert project.run(SAYS, "-rP", "-o", "log_format=logged %(message)s") == 0, project.output
    for text in ("put off", "put off, and not repeated", "cycle 1"):
        for shown in ("\n%s\n", "\nlogged %s\n", "UserWarning: %s\n"):
            assert project.output.count(shown % text) == 1, shown % text + project.output
    project.is_silent_about("cycle 2")
