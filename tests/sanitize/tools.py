"""The tools that watch a program: what each needs, how it starts a program, and which faults it finds.

A tool writes its complaints to files whose names begin with the program's path and ".report"."""

import glob
import os
import shutil
import subprocess

import pytest
from c_tests.programs import CC

from harness import flavours
from harness.commands import ROOT
from sanitize import std

FOLDER = os.path.join(ROOT, "tests", "sanitize")
# A complaint names the library's own code in one of these ways.
OURS = r"libpyrefcore-|\(.*\.rs:[0-9]+\)| src/.*\.rs:"
# gcc gives false warnings about code that its sanitizers have rewritten.
CALM = ["-g", "-O1", "-fno-inline", "-fno-omit-frame-pointer", "-Wno-format-overflow"]


def failure(*command):
    """The first line that a failing command writes, or None if the command succeeds."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    return (done.stdout.splitlines() or ["no message"])[0] if done.returncode else None


def complaints(path):
    """What the tool wrote about a program since the last call."""
    text = ""
    for report in sorted(glob.glob(glob.escape(path) + ".report*")):
        with open(report, errors="replace") as file:
            text += file.read()
        os.remove(report)
    return text


class Sanitizer:
    """A sanitizer is compiled into the programs and into the library."""

    rounds = 1
    link_words, cargo = [], {}

    def prepare(self, folder):
        """Skips the test if the tool can't work on this machine."""
        source, self.trial = os.path.join(folder, "trial.c"), os.path.join(folder, "trial")
        with open(source, "w") as file:
            file.write("int main(void) { return 0; }\n")
        if failure(*CC, *self.flags, source, "-o", self.trial):
            why = "%s has no runtime for -fsanitize=%s; apt-get install gcc libasan8 libtsan2 libubsan1 brings it"
            pytest.skip(why % (" ".join(CC), self.name))

    def library(self, flavour):
        """The library, built with the sanitizer. std, build scripts and macros are not instrumented."""
        words = ["-Zsanitizer=" + self.name, "-Cunsafe-allow-abi-mismatch=sanitizer", "-Cforce-frame-pointers"]
        words += ["-Clink-arg=" + word for word in self.link_words]
        # With RUSTC_BOOTSTRAP, any rustc and cargo accept the nightly settings.
        own = dict(self.cargo, RUSTC_BOOTSTRAP="1", CARGO_ENCODED_RUSTFLAGS="\x1f".join(words))
        own.update(CARGO_UNSTABLE_TARGET_APPLIES_TO_HOST="true", CARGO_TARGET_APPLIES_TO_HOST="false")
        return flavours.build(flavour, "target/sanitize/" + self.name, "system-allocator", **own)

    def options(self, path):
        # A request for too much memory must return null, as malloc does: allocation.c tests this.
        return "log_path=%s.report:exitcode=66:allocator_may_return_null=1" % path


class Address(Sanitizer):
    """AddressSanitizer, LeakSanitizer and, in the programs, UndefinedBehaviorSanitizer."""

    name = "address"
    flags = ["-fsanitize=address,undefined", *CALM]
    faults = {
        "after-free": ["heap-use-after-free", OURS],
        "leak": ["LeakSanitizer", OURS],
        "overflow": ["runtime error:.*overflow"],
    }

    def starts(self, path):
        """The command before a program, and its environment variables."""
        # The children of negative.c call Py_DECREF on a freed object on purpose.
        is_negative = os.path.basename(path).startswith("negative.")
        return [], {
            "ASAN_OPTIONS": self.options(path) + ":strict_string_checks=1" + (":poison_heap=0" if is_negative else ""),
            "UBSAN_OPTIONS": "log_path=%s.report:print_stacktrace=1" % path,
            "LSAN_OPTIONS": "suppressions=%s/leaks.txt:print_suppressions=0" % FOLDER,
        }


class Thread(Sanitizer):
    """ThreadSanitizer, for the programs that have threads. ROUNDS says how often each of them runs."""

    name = "thread"
    flags = ["-fsanitize=thread", *CALM]
    faults = {"race": ["data race", OURS]}
    rounds = int(os.environ.get("ROUNDS", "10"))
    # std.c reports the synchronisation of std around the calls. So LTO must not inline them. Calls from one unit to
    # another, and unused code, would look like more such calls, so there is one unit.
    cargo = dict(CARGO_PROFILE_RELEASE_LTO="off", CARGO_PROFILE_RELEASE_CODEGEN_UNITS="1", CARGO_INCREMENTAL="0")
    setarch = []

    def prepare(self, folder):
        super().prepare(folder)
        # It needs an address range that a kernel with strong address randomisation may use for something else.
        if failure(self.trial):
            self.setarch = ["setarch", "-R"]
            why = failure(*self.setarch, self.trial)
            if why:
                pytest.skip("its runtime does not start here (%s); sysctl vm.mmap_rnd_bits=28 may cure it" % why)
        names = std.wrapped()
        if names is None:
            pytest.skip("this std's locks are not where std.c looks for them; mend tests/sanitize/std.py")
        self.link_words = std.link_words(names)
        self.flags = self.flags + self.link_words

    def starts(self, path):
        # It has room for 65536 nested calls. Nested deaths go as deep as the stack allows, so the stack is small.
        return ["prlimit", "--stack=1048576", *self.setarch], {"TSAN_OPTIONS": self.options(path) + ":history_size=4"}


class Memcheck:
    """valgrind, on the library as it is shipped."""

    name = "memcheck"
    flags = []
    faults = {
        "after-free": ["Invalid read", OURS],
        "uninitialised": ["uninitialised", OURS],
        "leak": ["definitely lost", OURS],
    }
    rounds = 1
    library = staticmethod(flavours.build)

    def prepare(self, folder):
        if not shutil.which("valgrind"):
            pytest.skip("there is no valgrind; apt-get install valgrind brings it")
        why = failure("valgrind", "--quiet", "true")
        if why:
            pytest.skip("valgrind does not run here (%s); apt-get install libc6-dbg may cure it" % why)

    def starts(self, path):
        # Reports only definitely lost blocks: hash tables and containers have only pointers to their middle.
        words = "valgrind --quiet --error-exitcode=66 --leak-check=full --show-leak-kinds=definite".split()
        words += ["--errors-for-leak-kinds=definite", "--log-file=%s.report.%%p" % path]
        return words + ["--suppressions=%s/valgrind.supp" % FOLDER], {}


TOOLS = {tool.name: tool for tool in (Address, Thread, Memcheck)}
