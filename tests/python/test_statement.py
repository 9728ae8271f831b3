"""Functions made from the text of a statement."""

import pytest
from pyrefcore.core import statement


def test_names_come_from_the_setup_and_die_with_the_call():
    names = statement.namespace("calls = []\nimport sys")
    fn = statement.function("x = 1\ncalls.append(x)", names)
    fn(), fn()
    assert names["calls"] == [1, 1] and "x" not in names


def test_an_empty_statement_does_nothing():
    assert statement.function("# nothing", statement.namespace(""))() is None


@pytest.mark.parametrize("text", ["return 1", "yield 1", "await x", "x =", "def f(", "\tx\n  y", "\0"])
def test_text_that_is_no_statement_is_refused(text):
    with pytest.raises((SyntaxError, ValueError)):
        statement.function(text, {})
