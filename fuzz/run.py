"""Fuzzing with known seeds: memory that the audit may take for objects, and reports with hostile names.

    python fuzz/run.py [--seed N] [--rounds N | --seconds N] [memory] [reports]

Each round has its own seed: N, N + 1 and so on. A child process runs the rounds of a target, so that a crash is a
finding too. For a failure it prints the command that repeats the round. The last line is "N passed, N failed".
"""

import argparse
import os
import random
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(os.path.dirname(HERE), "python")
#: The default number of rounds, which takes a second or two.
ROUNDS = {"memory": 40, "reports": 400}
#: The number of rounds in one child.
BATCH = {"memory": 20, "reports": 400}


def work(target, seed, rounds):
    """Runs the rounds from `seed` on, in the child."""
    one = __import__(target).one
    for number in range(seed, seed + rounds):
        print(number, flush=True)
        one(random.Random(number))


def batch(target, seed, rounds):
    """Runs rounds in a child: the seed of the round that failed and the reason, or None."""
    command = [sys.executable, "-W", "ignore", "-X", "faulthandler", __file__, "--child", "--seed", str(seed)]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([PACKAGE, HERE]), PYTHONHASHSEED="0")
    try:
        done = subprocess.run(
            command + ["--rounds", str(rounds), target],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            errors="backslashreplace",
            timeout=60 + 5 * rounds,
        )
    except subprocess.TimeoutExpired as error:
        return str(seed), "it took too long\n%s" % (error.stderr or "")
    if done.returncode == 0:
        return None
    last = (done.stdout.split() or [str(seed)])[-1]
    return last, "status %d\n%s" % (done.returncode, done.stderr[:4000])


def fuzz(target, seed, rounds, seconds):
    """Whether all rounds of a target pass."""
    end = time.monotonic() + seconds if seconds else None
    wanted, done = rounds or ROUNDS[target], 0
    while time.monotonic() < end if end else done < wanted:
        size = BATCH[target] if end else min(BATCH[target], wanted - done)
        failure = batch(target, seed + done, size)
        if failure:
            number, why = failure
            print("FAILED %s, seed %s: %s" % (target, number, why))
            print("again: %s fuzz/run.py --seed %s --rounds 1 %s" % (sys.executable, number, target))
            return False
        done += size
    print("%s: %d rounds from seed %d" % (target, done, seed), flush=True)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="for each target")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*", choices=[[], *ROUNDS])
    options = parser.parse_args()
    if options.child:
        return work(options.targets[0], options.seed, options.rounds)
    targets = options.targets or list(ROUNDS)
    good = sum(fuzz(target, options.seed, options.rounds, options.seconds) for target in targets)
    print("%d passed, %d failed" % (good, len(targets) - good))
    return good < len(targets)


if __name__ == "__main__":
    sys.exit(main())
