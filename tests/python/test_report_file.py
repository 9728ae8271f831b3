"""Report files: each is written as a whole or not at all, no old report stays, and no pipe hangs."""

import errno
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading

import pytest
from conftest import PACKAGE, command, python
from pyrefcore.report.file import ReportFile

pytest_plugins = ["pytester", "project"]

OLD = "an old report\n"
NOBODY = 65534


@pytest.fixture
def there(attached):
    return attached


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "report"
    path.write_text(OLD)
    return path


def in_child(function):
    """The exit status of a child process that calls a function; negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        except OSError as error:
            os._exit(error.errno)
        finally:
            os._exit(255)
    status = os.waitpid(child, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def test_an_old_report_is_gone_from_the_start(old):
    file = ReportFile(str(old))
    assert old.read_text() == ""
    file.write("new")
    assert old.read_text() == "new" and os.listdir(str(old.parent)) == ["report"]


@pytest.mark.parametrize("ends", [signal.SIGXFSZ, errno.EFBIG])
def test_a_report_that_is_half_written_leaves_the_one_before(tmp_path, ends):
    path = tmp_path / "report"
    file = ReportFile(str(path))
    file.write(OLD)

    def write():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN if ends == errno.EFBIG else signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        file.write("new " * 1000)

    assert in_child(write) == (errno.EFBIG if ends == errno.EFBIG else -signal.SIGXFSZ)
    assert path.read_text() == OLD
    # Only a killed process leaves a temporary file.
    assert len(os.listdir(str(tmp_path))) == (1 if ends == errno.EFBIG else 2)


def test_a_reader_of_the_old_report_keeps_it(old):
    with old.open() as reader:
        ReportFile(str(old)).write("new")
        assert reader.read() == OLD


def test_permissions_and_links_stay(old, tmp_path):
    old.chmod(0o640)
    link, dangling = tmp_path / "link", tmp_path / "dangling"
    link.symlink_to("report")
    dangling.symlink_to("made")
    ReportFile(str(link)).write("new")
    ReportFile(str(dangling)).write("new")
    assert link.is_symlink() and old.read_text() == "new" and stat.S_IMODE(old.stat().st_mode) == 0o640
    assert dangling.is_symlink() and (tmp_path / "made").read_text() == "new"


def test_new_reports_have_ordinary_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        ReportFile(str(tmp_path / "report"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o640


def test_another_working_directory(tmp_path, monkeypatch):
    (tmp_path / "later").mkdir()
    monkeypatch.chdir(tmp_path)
    file = ReportFile("report")
    monkeypatch.chdir(tmp_path / "later")
    file.write("new")
    assert (tmp_path / "report").read_text() == "new" and os.listdir(".") == []


def test_paths_that_can_not_be_written(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path, problem in [
        (tmp_path, errno.EISDIR),
        (tmp_path / "none" / "report", errno.ENOENT),
        (loop, errno.ELOOP),
    ]:
        with pytest.raises(OSError) as caught:
            ReportFile(str(path))
        assert caught.value.errno == problem
    full = ReportFile("/dev/full")
    with pytest.raises(OSError) as caught:
        full.write("text")
    assert caught.value.errno == errno.ENOSPC
    ReportFile(os.devnull).write("text")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_folder_that_can_not_be_written_to():
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "report")
    with open(path, "w") as file:
        file.write(OLD)
    os.chmod(path, 0o666)
    os.chmod(folder, 0o555)

    def write():
        if os.geteuid() == 0:
            os.setuid(NOBODY)
        ReportFile(path)

    try:
        assert in_child(write) == errno.EACCES
        with open(path) as file:
            assert file.read() == OLD
    finally:
        os.chmod(folder, 0o755)
        shutil.rmtree(folder)


def test_no_free_descriptor(old):
    def write():
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        ReportFile(str(old))

    assert in_child(write) == errno.EMFILE and old.read_text() == OLD


def test_a_pipe_without_a_reader(tmp_path):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    file = ReportFile(path)
    with pytest.raises(OSError) as caught:
        file.write("text")
    assert caught.value.errno == errno.ENXIO
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        # The write waits for a slow reader, but not for ever.
        with pytest.raises(BlockingIOError):
            file.write("text" * 100000)
    finally:
        os.close(reader)


def test_a_slow_reader_gets_everything(tmp_path):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    read = []

    def slowly():
        while True:
            part = os.read(reader, 4096)
            if not part:
                return
            read.append(part)

    thread = threading.Thread(target=slowly)
    file, text = ReportFile(path), "text" * 100000
    writer = os.open(path, os.O_WRONLY)
    thread.start()
    file.write(text)
    os.close(writer)
    thread.join()
    os.close(reader)
    assert b"".join(read).decode() == text


def test_the_file_of_standard_output_is_written_on(tmp_path):
    code = (
        "from pyrefcore.report.file import ReportFile\nfile = ReportFile('%s')\n"
        "print('before')\nfile.write('the report\\n')\nprint('after')"
    )
    for target in ("/dev/stdout", str(tmp_path / "output")):
        with (tmp_path / "output").open("w") as output:
            environment = dict(os.environ, PYTHONPATH=PACKAGE)
            assert subprocess.call([sys.executable, "-c", code % target], stdout=output, env=environment) == 0
        assert (tmp_path / "output").read_text() == "before\nthe report\nafter\n"


def test_a_page_in_a_pipe_without_a_reader(there, tmp_path):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    done = command("check", "--html", path, "pass")
    assert done.returncode == 2 and "No such device or address" in done.stderr, done
    assert "clean (1 window of" in done.stdout


def test_a_page_of_a_program_that_goes_elsewhere(there, tmp_path):
    code = "import os, sys\nfrom pyrefcore import cli\nos.chdir(%r)\nsys.exit(cli.main(sys.argv[1:]))" % str(tmp_path)
    done = python("-c", code, "check", "--html", "page", "-s", "import os; os.chdir('/')", "pass")
    assert done.returncode == 0 and (tmp_path / "page").read_text().startswith("<!"), done


def test_a_program_that_dies_leaves_no_old_page(there, old):
    done = command("check", "--html", str(old), "import os; os._exit(7)")
    assert done.returncode == 7 and old.read_text() == ""


def test_a_session_that_dies_leaves_no_old_page(project):
    project.folder.makefile(".html", refs=OLD)
    code = "import os\ndef test_dies(): os._exit(7)"
    assert project.run(code, "--refs-html=refs.html") == 7
    assert project.read("refs.html") == ""


def test_a_session_whose_tests_go_elsewhere(project):
    code = "import os\ndef test_goes(): os.chdir('/')"
    assert project.run(code, "--refs-html=refs.html", "--refs-json=refs.json") == 0
    assert project.read("refs.html").startswith("<!") and '"test_it.py::test_goes"' in project.read("refs.json")


def test_a_session_with_pipes_without_readers(project, tmp_path):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    assert project.run("def test_a(): pass", "--refs-html=" + path, "--refs-json=" + path) == 1
    project.says("--refs-html was not written", "--refs-json was not written", "No such device or address")


SHOW_LIBRARY = """
import os
from pyrefcore.core import native
print(os.getuid() != os.geteuid(), flush=True)
try:
    print(native.path())
except ImportError as error:
    print(error)
"""


def test_a_set_user_id_python_loads_no_library_that_its_user_names(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can make a set-user-id program")
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    copy = os.path.join(folder, "python")

    def as_nobody():
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    try:
        shutil.copy(os.path.realpath(sys.executable), copy)
        os.chmod(copy, 0o4755)
        environment = dict(os.environ, PYTHONPATH=PACKAGE, PYTHONHOME=sys.base_prefix, PYREFCORE_LIBRARY="/etc/passwd")
        done = subprocess.run(
            [copy, "-c", SHOW_LIBRARY],
            env=environment,
            preexec_fn=as_nobody,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )
    finally:
        shutil.rmtree(folder)
    if not done.stdout.startswith("True"):
        pytest.skip("no set-user-id Python runs here: " + done.stdout[-200:])
    assert "/etc/passwd" not in done.stdout
