"""In a child that was forked beside busy threads, every lock of the audit is free."""

import pytest
from conftest import program

pytestmark = pytest.mark.usefixtures("attached")


@pytest.mark.slow
def test_children_of_a_busy_process_end():
    out = program("""
import signal, threading, time
from pyrefcore.core import native
core = native.library()
assert core.pyrefcore_audit_births(1) == 0
core.pyrefcore_audit_quarantine(1)
stop = False
def allocate():
    kept = []
    while not stop:
        kept.append([Thing(), bytearray(100), "x" * len(kept)])
        if len(kept) > 200:
            del kept[:]
threads = [threading.Thread(target=allocate) for _ in range(3)]
[thread.start() for thread in threads]
ended = []
for _ in range(25):
    time.sleep(0.002)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        made = [[Thing(), {}, bytearray(n)] for n in range(500)]
        del made
        os._exit(0)
    ended.append(os.waitpid(child, 0)[1])
stop = True
[thread.join() for thread in threads]
print(set(ended))
""")
    assert out == "{0}\n"
