"""A test with subtests reports to pytest while it runs. So it runs once, and without the guard from then on."""

from test_over_release import holds_back

pytest_plugins = ["pytester", "project"]

# As in pytest 9 and pytest-subtests.
CODE = """
import weakref
from _pytest.reports import TestReport
class Subtests:
    def __init__(self, item): self.item = item
    def check(self, is_good):
        outcome, why = ("passed", None) if is_good else ("failed", "a bad subtest")
        report = TestReport(self.item.nodeid, self.item.location, {}, outcome, why, "call")
        self.item.ihook.pytest_runtest_logreport(report=report)
@pytest.fixture
def subtests(request): return Subtests(request.node)
@pytest.fixture
def late(request): return request.getfixturevalue("subtests")
@pytest.fixture
def box(): return [Thing()]
def test_named(subtests): subtests.check(True)
def test_in_fixture(late): late.check(True)
def test_late(request):
    for good in (True, False): request.getfixturevalue("subtests").check(good)
def test_death(request, box):
    subtests = request.getfixturevalue("subtests")
    ref = weakref.ref(box.pop())
    subtests.check(ref() is None)
def test_fails(request):
    request.getfixturevalue("subtests").check(True)
    assert 0
def test_other(): pass
"""


@holds_back
def test_subtests_are_reported_once(project):
    assert project.run(CODE) == 1
    project.says("2 failed, 10 passed", "1 test checked, 4 not checked", "it reports its subtests to pytest")
    assert project.output.count("a bad subtest") <= 2, project.output
