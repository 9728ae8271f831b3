"""The command line: `python -m pyrefcore check | run | audit | doctor`."""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import json
import os
import sys
import traceback
from typing import Any, Callable, List, Optional

from . import doctor
from .core import progress, run, statement
from .core.audit import audit
from .core.check import Interrupted, check
from .core.native import NotSupported
from .core.safe_repr import type_name
from .core.snapshot import NotCounted
from .report.file import ReportFile
from .report.report import Report

CLEAN, FOUND, MISUSE, INTERRUPTED = 0, 1, 2, 130


class _Unwritten(OSError):
    """Standard output can't be written to."""


EPILOG = "Exit status: 0 clean, 1 findings, 2 misuse or not finished, 130 interrupted."


def main(arguments: List[str]) -> int:
    """Runs the command that the arguments name. Returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if getattr(options, "json", False):
            _keep_output_for_the_report()
        status: int = options.act(options)
        return status
    except (NotSupported, NotCounted) as error:
        return _refuse(str(error))
    except MemoryError:
        return _refuse("there is not enough memory")
    except KeyboardInterrupt:
        return INTERRUPTED
    except _Unwritten as error:
        if _output is None:
            _discard(sys.stdout)
        # A reader that has closed the pipe needs no message.
        return MISUSE if error.errno == errno.EPIPE else _refuse("the report was not written: %s" % error.strerror)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pyrefcore",
        description="Names the reference that a C extension leaked or released too often.",
        epilog=EPILOG,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    one = commands.add_parser(
        "check", help="run a statement again and again, and report what each run leaves behind", epilog=EPILOG
    )
    one.add_argument(
        "-s", "--setup", action="append", default=[], help="a statement to run once before STMT; may be given several times"
    )
    one.add_argument("-n", "--runs", type=_number(1), default=100, help="runs in a window (default: %(default)s)")
    one.add_argument("-w", "--windows", type=_number(2), default=3, help="windows to compare (default: %(default)s)")
    one.add_argument(
        "--warmup", type=_number(0), metavar="RUNS", help="runs before the first window (default: until the changes repeat)"
    )
    one.add_argument(
        "--births", action="store_true", help="record where objects are born from the start, not only after a finding"
    )
    one.add_argument(
        "--no-guard", action="store_true", help="let objects that are released too often die, which may crash the process"
    )
    one.add_argument(
        "--who", action="store_true", help="name the C function and the line that took or released a reference (x86-64)"
    )
    _add_output(one)
    one.add_argument("statement", nargs="+", metavar="STMT", help="the statement; several arguments are its lines")
    one.set_defaults(act=_check)

    one = commands.add_parser(
        "run", help="run a program with replaced reference counting, and print a summary at its end"
    )
    one.add_argument(
        "--report", metavar="PATH", help="file for the summary; %%p stands for the process id (default: standard error)"
    )
    one.add_argument(
        "-m", dest="module", nargs=argparse.REMAINDER, metavar="MODULE", help="a module, and its arguments"
    )
    one.add_argument("script", nargs=argparse.REMAINDER, metavar="SCRIPT", help="a script, and its arguments")
    one.set_defaults(act=_run)

    one = commands.add_parser(
        "audit", help="report every object with fewer references than are visibly held", epilog=EPILOG
    )
    one.add_argument(
        "-s", "--setup", action="append", default=[], help="a statement to run before; may be given several times"
    )
    _add_output(one)
    one.set_defaults(act=_audit)

    one = commands.add_parser("doctor", help="say which Python this is, and what can be seen in it")
    one.add_argument("--json", action="store_true", help="as JSON")
    one.set_defaults(act=_doctor)
    return parser


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--unsafe-repr", action="store_true", help="show objects by their own repr, which runs their code"
    )
    parser.add_argument("--json", action="store_true", help="write the report to standard output as JSON")
    parser.add_argument("--html", metavar="FILE", help="also write the report to this file, as an HTML page")


def _number(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError("%r is not a whole number of at least %d" % (text, least))
        return number

    return parse


def _check(options: argparse.Namespace) -> int:
    text = "\n".join(options.statement)
    if not _can_write(options):
        return MISUSE
    try:
        # Refuse a statement that does not compile before the setup, which may be slow.
        compile(text, statement.STATEMENT, "exec")
        fn = statement.function(text, statement.namespace("\n".join(options.setup)))
    except (Exception, SystemExit) as error:
        return _refuse_with(error)
    lines = text.strip().splitlines() or [""]
    subject = lines[0] + (" ..." if len(lines) > 1 else "")
    try:
        with progress.shown("pyrefcore") as show:
            report = check(
                fn,
                runs=options.runs,
                windows=options.windows,
                warmup=options.warmup,
                births=True if options.births else None,
                guard=not options.no_guard,
                unsafe_repr=options.unsafe_repr,
                progress=show,
                subject=subject,
                who=options.who,
            )
    except Interrupted as interrupted:
        _deliver(interrupted.report, options)
        return INTERRUPTED
    if report.exception is not None:
        _show(report.exception)
    return _deliver(report, options)


def _audit(options: argparse.Namespace) -> int:
    if not _can_write(options):
        return MISUSE
    try:
        kept = statement.namespace("\n".join(options.setup))
    except (Exception, SystemExit) as error:
        return _refuse_with(error)
    report = audit(unsafe_repr=options.unsafe_repr)
    del kept
    return _deliver(report, options)


def _run(options: argparse.Namespace) -> int:
    arguments = options.script if options.module is None else ["-m"] + options.module
    if not arguments or arguments == ["-m"]:
        return _refuse("run needs a script, or -m and a module")
    try:
        return run.run(arguments, options.report)
    except OSError as error:
        return _refuse("%s can't be written: %s" % (options.report, error.strerror))


def _doctor(options: argparse.Namespace) -> int:
    found = doctor.examine()
    _print(json.dumps(found, indent=2) if options.json else doctor.render(found))
    return CLEAN if found["ok"] else FOUND


def _deliver(report: Report, options: argparse.Namespace) -> int:
    """Prints the report, and then writes the page: if that fails, the report is not lost. Returns the exit status."""
    _print(report.to_json() if options.json else str(report))
    if options.page is not None:
        try:
            options.page.write(report.to_html())
        except OSError as error:
            return _refuse("%s can't be written: %s" % (options.html, error.strerror))
    if report.findings:
        return FOUND
    return CLEAN if report.ok else MISUSE


def _can_write(options: argparse.Namespace) -> bool:
    """Prepares the file of the page, if one is wanted. False if it can't be written."""
    try:
        options.page = None if options.html is None else ReportFile(options.html)
        return True
    except OSError as error:
        _refuse("%s can't be written: %s" % (options.html, error.strerror))
        return False


#: A duplicate of standard output, for the report alone. None if the report needs no descriptor of its own.
_output: Optional[int] = None


def _keep_output_for_the_report() -> None:
    """Sends everything that the program, its C code and its children print to standard error, until the process
    ends."""
    global _output
    if sys.stdout is None or _output is not None:
        return
    try:
        # From 3 on: the numbers below belong to the standard streams, even if these are closed.
        kept = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
        if sys.stderr is None:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
        else:
            os.dup2(2, 1)
    except OSError as error:
        raise _Unwritten(error.errno, error.strerror) from None
    _output = kept


def _print(text: str) -> None:
    """Writes to standard output, if there is one. A character that its encoding lacks becomes an escape."""
    if _output is not None:
        try:
            with open(_output, "w", encoding="utf-8", errors="backslashreplace", closefd=False) as output:
                output.write(text + "\n")
        except OSError as error:
            raise _Unwritten(error.errno, error.strerror) from None
        return
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except OSError as error:
        raise _Unwritten(error.errno, error.strerror) from None


def _complain(text: str) -> None:
    """Writes to standard error, which may be closed or full."""
    if sys.stderr is not None:
        try:
            print(text, file=sys.stderr, flush=True)
        except OSError:
            _discard(sys.stderr)


def _discard(stream: Any) -> None:
    """Drops what is written to a stream that has failed. Else the interpreter would end with a status of its own."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _refuse(why: str) -> int:
    _complain("pyrefcore: " + why)
    return MISUSE


def _refuse_with(error: BaseException) -> int:
    _show(error)
    return MISUSE


def _show(error: BaseException) -> None:
    """Prints an exception with the frames of the program, without ours."""
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename not in (statement.SETUP, statement.STATEMENT):
        trace = trace.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, trace)).rstrip("\n")
    # The exception's attributes may run code, which may raise anything.
    except BaseException as other:
        text = "%s, whose text can't be shown because it raises %s" % (type_name(type(error)), type_name(type(other)))
    _complain(text)
