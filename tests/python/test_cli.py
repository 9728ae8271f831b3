"""The command line: what it prints, where, and its exit status."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
from conftest import PACKAGE, command, python

LEAK = "import ctypes; f = ctypes.pythonapi.Py_IncRef; f.argtypes = [ctypes.py_object]; f.restype = None; thing = []"


@pytest.fixture
def there(attached):
    return attached


def test_clean(there):
    done = command("check", "-s", "import json", "json.dumps([1])")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.startswith("pyrefcore: json.dumps([1]): clean (1 window of 100 runs)\n")


def test_findings(there):
    done = command("check", "-s", LEAK, "-n", "10", "-w", "4", "f(thing)")
    assert (done.returncode, done.stderr) == (1, ""), done
    assert (
        "leak: 1 reference to list per run, never released (40 in 4 windows of 10 runs, the same in each)"
        in done.stdout
    )


def test_json(there):
    done = command("check", "--json", "-s", LEAK, "f(thing)")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and found["ok"] is False
    assert found["findings"][0]["growth"] == [100, 100, 100] and found["host"]["flavour"].startswith("cp3")


def test_the_verdict_is_one_line(there):
    done = command("check", "-n", "2", "class A:\n    pass")
    assert done.stdout.startswith("pyrefcore: class A: ...: clean (")
    assert " of 2 runs)\n" in done.stdout, done


def test_several_lines_and_setups(there):
    done = command("check", "-s", "a = 1", "-s", "b = a", "if b:", "    c = b", "else:", "    raise ValueError")
    assert done.returncode == 0, done


def test_html(there, tmp_path):
    pytest.importorskip("pyrefcore.report.html")
    page = tmp_path / "page.html"
    done = command("check", "--html", str(page), "pass")
    assert done.returncode == 0 and done.stdout, done
    assert "<html" in page.read_text(encoding="utf-8")


def test_an_unwritable_page_is_refused_before_the_runs(there, tmp_path):
    done = command("check", "--html", str(tmp_path / "none" / "page.html"), "print('ran')")
    assert done.returncode == 2 and "can't be written" in done.stderr and done.stdout == ""


def test_a_page_that_becomes_unwritable_loses_nothing(there, tmp_path):
    pytest.importorskip("pyrefcore.report.html")
    folder = tmp_path / "folder"
    folder.mkdir()
    done = command(
        "check", "-s", "import shutil", "--html", str(folder / "page"), "shutil.rmtree(%r, True)" % str(folder)
    )
    assert done.returncode == 2 and "can't be written" in done.stderr
    assert "clean (1 window of" in done.stdout


@pytest.mark.parametrize(
    "arguments, told",
    [
        ([], "COMMAND"),
        (["check"], "STMT"),
        (["check", "return 1"], "SyntaxError"),
        (["check", "x ="], "SyntaxError"),
        (["check", "-s", "x =", "pass"], "SyntaxError"),
        (["check", "-s", "raise ValueError('mine')", "pass"], "ValueError: mine"),
        (["check", "-s", "raise SystemExit(0)", "pass"], "SystemExit: 0"),
        (["audit", "-s", "raise SystemExit(1)"], "SystemExit: 1"),
        (["check", "-w", "99999999999999", "pass"], "not enough memory"),
        (["check", "-n", "0", "pass"], "not a whole number of at least 1"),
        (["check", "-w", "1", "pass"], "not a whole number of at least 2"),
        (["run"], "needs a script"),
        (["run", "--report", "/nonexistent/report", "x.py"], "can't be written"),
        (["walk"], "walk"),
    ],
)
def test_misuse(arguments, told):
    done = command(*arguments)
    assert done.returncode == 2 and told in done.stderr and done.stdout == "", done
    assert "cli.py" not in done.stderr


def test_a_statement_that_raises(there):
    done = command("check", "-s", "def f(): raise ValueError('mine')", "f()")
    assert done.returncode == 2, done
    assert 'File "<statement>", line 1, in statement' in done.stderr and "ValueError: mine" in done.stderr
    assert "windows.py" not in done.stderr
    assert done.stdout.startswith("pyrefcore: f(): not finished: raised ValueError: mine in run 1")


def test_another_flavour_is_refused(tmp_path):
    library = tmp_path / "libpyrefcore-cp27.so"
    library.write_bytes(b"")
    done = command("check", "pass", PYREFCORE_LIBRARY=str(library))
    assert done.returncode == 2 and "was built for cp27, and this Python is cp3" in done.stderr, done


@pytest.mark.parametrize("content", [b"", b"no library"])
def test_a_file_that_is_no_library_is_refused(tmp_path, content):
    library = tmp_path / "lib.so"
    library.write_bytes(content)
    done = command("check", "pass", PYREFCORE_LIBRARY=str(library))
    assert done.returncode == 2 and "can't be used" in done.stderr, done
    done = command("check", "pass", PYREFCORE_LIBRARY=str(tmp_path / "none.so"))
    assert done.returncode == 2 and "which is no file" in done.stderr, done


def test_ctrl_c(there):
    environment = dict(os.environ, PYTHONPATH=PACKAGE)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pyrefcore",
            "check",
            "-s",
            "import time",
            "-s",
            "print('go', flush=True)",
            "time.sleep(60)",
        ],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        # A background job of a shell ignores the signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout.readline() == "go\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "not finished: interrupted in run 1" in out, (out, err)


@pytest.mark.slow
def test_a_reader_that_leaves(there):
    done = subprocess.run(
        ["sh", "-c", '"$0" -m pyrefcore check --json pass | true', sys.executable],
        env=dict(os.environ, PYTHONPATH=PACKAGE),
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=60,
    )
    assert done.stderr == ""


def shell(redirected, *arguments):
    """Runs `python -m pyrefcore` with its standard streams redirected by a shell."""
    done = subprocess.run(
        ["sh", "-c", '"$0" -m pyrefcore "$@" ' + redirected, sys.executable] + list(arguments),
        env=dict(os.environ, PYTHONPATH=PACKAGE),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("check", "-n", "2", "pass"), ("doctor",)])
def test_a_report_that_is_not_written_is_no_finding(there, arguments):
    full = "pyrefcore: the report was not written: No space left on device\n"
    assert shell(">/dev/full", *arguments) == (2, "", full)
    # A caller that closes the output wants only the exit status.
    assert shell(">&-", *arguments) == (0, "", "")


def test_standard_error_may_be_closed_or_full(there):
    assert shell("2>/dev/full", "check", "x =") == (2, "", "")
    status, out, _ = shell("2>&-", "check", "--json", "1/0")
    assert status == 2 and json.loads(out)["error"].startswith("raised ZeroDivisionError")


def test_run_with_closed_output(there):
    status, _, err = shell(">&-", "run", "-m", "this")
    assert status == 0 and "born" in err, err


def test_an_encoding_that_lacks_a_letter(there):
    done = command("check", "-n", "2", "x = '\u20ac'", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and done.stdout.startswith("pyrefcore: x = '\\u20ac': clean"), done


def test_progress_is_one_line_on_a_terminal(there):
    import pty

    master, slave = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "pyrefcore", "check", "pass"],
        env=dict(os.environ, PYTHONPATH=PACKAGE),
        stdout=subprocess.PIPE,
        stderr=slave,
        timeout=60,
    )
    os.close(slave)
    shown = os.read(master, 1 << 16).decode()
    os.close(master)
    assert done.returncode == 0
    assert "nothing changes" in shown and "\n" not in shown and shown.endswith("\r\x1b[K")


def test_a_child_process_reports_nothing(there):
    done = command("check", "-n", "2", "-s", "import os", "pid = os.fork()", "if pid: os.waitpid(pid, 0)")
    assert done.stdout.count("pyrefcore:") == 1 and done.returncode == 0, done


def test_audit(there):
    done = command("audit")
    assert done.returncode == 0 and done.stdout.startswith("pyrefcore: every object that is alive: clean"), done
    done = command(
        "audit",
        "--json",
        "-s",
        "import ctypes; f = ctypes.pythonapi.Py_DecRef; f.argtypes = [ctypes.py_object]; x = [[1]] * 2; y = x[0]; f(y)",
        "-s",
        "kept = [y] * 9",
    )
    # The missing reference may also crash the process, before or after the audit.
    assert done.returncode < 0 or json.loads(done.stdout)["findings"] == [] or done.returncode == 1


def test_doctor(there):
    done = command("doctor")
    assert done.returncode == 0 and "attached   yes" in done.stdout, done
    found = json.loads(command("doctor", "--json").stdout)
    assert found["ok"] and found["objects"] > 1000 and isinstance(found["replaced"], list)


def test_doctor_names_variables_without_effect(there):
    notes = json.loads(command("doctor", "--json", PYREFCORE_REPROT="stderr").stdout)["notes"]
    assert "the variable PYREFCORE_REPROT is unknown and has no effect" in notes
    assert "the variable PYREFCORE_LIBRARY is unknown and has no effect" not in notes


def test_doctor_names_the_missing_library(tmp_path):
    done = command("doctor", PYREFCORE_LIBRARY=str(tmp_path / "none.so"))
    assert done.returncode == 1 and "attached   no: PYREFCORE_LIBRARY names" in done.stdout


def test_run(there, tmp_path):
    script, report = tmp_path / "script.py", tmp_path / "report"
    script.write_text("import sys; print(sys.argv[1:]); sys.exit(3)")
    done = command("run", "--report", str(report), str(script), "-x", "--json")
    assert (done.returncode, done.stdout, done.stderr) == (3, "['-x', '--json']\n", ""), done
    assert report.read_text().startswith("pyrefcore ")
    done = command("run", "-m", "json.tool", "--help")
    assert done.returncode == 0 and "json" in done.stdout and "born" in done.stderr, done


def test_a_function_of_a_microsecond_is_answered_in_two_seconds(there):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = python("-S", "-m", "pyrefcore", "check", "len('')")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done
    # Processor time, because other tests may run at the same time.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2.0


def test_a_reader_that_has_gone_gets_no_message(there):
    reading, writing = os.pipe()
    os.close(reading)
    environment = dict(os.environ, PYTHONPATH=PACKAGE)
    code = [sys.executable, "-W", "ignore", "-m", "pyrefcore", "check", "pass"]
    done = subprocess.run(code, stdout=writing, stderr=subprocess.PIPE, env=environment)
    os.close(writing)
    assert (done.returncode, done.stderr) == (2, b"")


def test_an_interrupt_of_the_setup(there):
    assert command("check", "-s", "raise KeyboardInterrupt", "pass").returncode == 130
