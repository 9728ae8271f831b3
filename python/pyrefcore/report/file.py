"""The file that a report goes to.

A report is written to a new file in the same folder, and then renamed. So a reader finds all of it or nothing. A pipe
or a device is opened and written to, without waiting for a reader, since there may be none. A file that this process
writes to already, such as standard output, is written to through the same descriptor.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import select
import stat
import sys
from typing import BinaryIO, Iterator, Optional

#: How long a write waits for the reader of a full pipe, in milliseconds.
PATIENCE = 2000

_numbers = itertools.count()


class ReportFile:
    """The file of one report. The path stays the same when the working directory changes."""

    def __init__(self, path: str) -> None:
        """Replaces an old report by an empty one. Otherwise a reader might take the old report for the new one.

        Raises OSError if no report can be written.
        """
        self.path = os.path.abspath(path)
        if not is_stream(self.path):
            self.write("")

    def write(self, text: str) -> None:
        """Writes the report. Raises OSError; the file is then unchanged."""
        data = text.encode("utf-8", "backslashreplace")
        if is_stream(self.path):
            _write_to_stream(self.path, data)
        else:
            with replacing(self.path) as file, file:
                _write_all(file.fileno(), data)


def is_stream(path: str) -> bool:
    """Whether a report is written to the existing file, and does not replace it. Raises OSError for a folder."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return not stat.S_ISREG(found.st_mode) or _written_through(found) is not None


@contextlib.contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """A new file without a buffer. It replaces the file at `path` at the end of the `with`, and stays open."""
    # A symbolic link stays, and its target is replaced.
    path = os.path.realpath(path)
    file = _create_beside(path)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.fchmod(file.fileno(), stat.S_IMODE(os.stat(path).st_mode))
        yield file
        os.replace(file.name, path)
    except BaseException:
        file.close()
        with contextlib.suppress(OSError):
            os.unlink(file.name)
        raise


def _create_beside(path: str) -> BinaryIO:
    # Dead processes may have left files with such names.
    for number in itertools.islice(_numbers, 1000):
        name = ".pyrefcore-%d-%d" % (os.getpid(), number)
        with contextlib.suppress(FileExistsError):
            return open(os.path.join(os.path.dirname(path), name), "xb", buffering=0)
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


def _written_through(found: os.stat_result) -> Optional[int]:
    """The descriptor through which this process writes to that file, or None."""
    folder = "/proc/self/fd"
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return None
    for name in names:
        # A descriptor may be closed meanwhile.
        with contextlib.suppress(OSError):
            link = os.path.join(folder, name)
            # The link's own permissions show how the file was opened.
            if os.lstat(link).st_mode & stat.S_IWUSR and os.path.samestat(os.stat(link), found):
                return int(name)
    return None


def _write_to_stream(path: str, data: bytes) -> None:
    found = os.stat(path)
    number = _written_through(found) if stat.S_ISREG(found.st_mode) else None
    if number is not None:
        if sys.stdout is not None:
            sys.stdout.flush()
        _write_all(number, data)
        return
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        _write_all(number, data)
    finally:
        os.close(number)


def _write_all(number: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(number, data) :]
        except BlockingIOError:
            room = select.poll()
            room.register(number, select.POLLOUT)
            if not room.poll(PATIENCE):
                raise
