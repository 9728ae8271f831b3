"""Checks in several threads."""

import ctypes
import os
import threading

import pytest

from pyrefcore import check
from pyrefcore.core import host, turns

incref = ctypes.pythonapi.Py_IncRef
incref.argtypes, incref.restype = [ctypes.py_object], None


class Thing:
    pass


def in_threads(*functions):
    """The reports of checks that begin at the same time, in threads of their own."""
    reports = {}
    begin = threading.Barrier(len(functions))

    def run(number, function):
        begin.wait()
        reports[number] = check(function, runs=20)

    threads = [threading.Thread(target=run, args=each) for each in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [reports[number] for number in range(len(functions))]


def ran_beside_another(report):
    return any("a check of another thread ran" in note for note in report.notes)


@pytest.mark.skipif(host.is_free_threaded_build(), reason="there a check needs that no other thread runs")
def test_checks_take_turns(monkeypatch):
    """Each names its own leak, and not that of another."""
    # The machine may be busy.
    monkeypatch.setattr(turns, "PATIENCE", 300.0)

    def leak():
        incref(Thing())

    def leak_twice():
        incref(object())
        incref(object())

    reports = in_threads(leak, lambda: None, leak_twice, lambda: None)
    found = [[(one.type.rpartition(".")[2], one.references_per_run) for one in report.findings] for report in reports]
    assert found == [[("Thing", 1)], [], [("object", 2)], []]
    assert not any(ran_beside_another(report) for report in reports)


def test_a_check_does_not_wait_for_one_that_waits_for_it(monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", 0.2)
    inner = []

    def starts_another():
        thread = threading.Thread(target=lambda: inner.append(check(lambda: None, runs=1)))
        thread.start()
        thread.join()

    check(starts_another, runs=1, windows=2)
    assert inner and all(map(ran_beside_another, inner))
    assert not ran_beside_another(check(lambda: None, runs=1))


def test_a_check_within_a_check():
    """Both have the turn, and give it back."""
    inner = []
    check(lambda: inner.append(check(lambda: None, runs=1)), runs=1)
    assert not any(map(ran_beside_another, inner))
    assert not ran_beside_another(check(lambda: None, runs=1))


def test_a_child_process_does_not_wait(monkeypatch):
    statuses = []

    def forks():
        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()

    def fork():
        child = os.fork()
        if child == 0:
            turn = turns.Turn()
            turn.take()
            os._exit(0 if turn.is_alone else 1)
        statuses.append(os.waitpid(child, 0)[1])

    monkeypatch.setattr(turns, "PATIENCE", 0.2)
    check(forks, runs=1, windows=2)
    assert statuses and not any(statuses)
