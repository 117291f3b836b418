"""Runs all tests, or those whose names contain one of the words: main.py BINARY [WORD...]."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import closing
import connection_limit
import descriptors
import flood
import limits
import link
import memory
import slow
import storms
import surroundings
import times
from harness import Fault, Lab, raise_open_file_limit
from warm import warm_up

# More failures than this are not noise.
AGAIN_MAX = 3

# These mostly wait, and run at the same time.
WAITING = [link, slow]
# Each test of these has the machine to itself.
ALONE = [
    closing,
    flood,
    connection_limit,
    descriptors,
    memory,
    surroundings,
    storms,
    times,
    limits,
]


def report(name, lab, start, figures, fault):
    """The checks after a test, while the next one runs: they only wait for servers that are asleep. Prints what
    was found, and returns whether it passed."""
    after = None
    try:
        if not fault:
            after = lab.aftermath()
    except (Fault, OSError, ValueError) as error:
        fault = describe(error)
    try:
        lab.close()
    except Fault as error:
        fault = fault or str(error)
    seconds = time.monotonic() - start
    if fault:
        said = "".join(f"\n      it said: {line}" for server in lab.servers for line in server.said())
        print(f"FAIL  {name} ({seconds:.1f} s): {fault}{said}", flush=True)
    else:
        print(f"ok    {name} ({seconds:.1f} s): {figures}\n      after: {after}", flush=True)
    return fault is None


def describe(error):
    return f"{type(error).__name__}: {error}"


def attempt(name, test, binary, checks):
    """Runs one test. Its result comes from the checks after it."""
    lab = Lab(binary, warm_up)
    start = time.monotonic()
    figures = fault = None
    try:
        figures = test(lab)
    except (Fault, OSError, ValueError) as error:
        fault = describe(error)
    return checks.submit(report, name, lab, start, figures, fault)


def run(tests, binary, at_once=1):
    """Runs tests, so many of them at once. Returns those that failed."""
    with ThreadPoolExecutor(len(tests) or 1) as checks, ThreadPoolExecutor(at_once) as pool:
        ends = [(entry, pool.submit(attempt, *entry, binary, checks)) for entry in tests]
        return [entry for entry, end in ends if not end.result().result()]


def chosen(groups, words):
    """The tests of these groups that can run here, and whose names contain one of the words, if there are any."""
    tests = []
    for name, test in [entry for group in groups for entry in group.TESTS]:
        if words and not any(word in name for word in words):
            continue
        reason = getattr(test, "why_not", lambda: None)()
        if reason:
            print(f"skip  {name}: {reason}", flush=True)
        else:
            tests.append((name, test))
    return tests


def main():
    binary, words = sys.argv[1], sys.argv[2:]
    raise_open_file_limit()
    waiting, alone = (chosen(groups, words) for groups in (WAITING, ALONE))
    failed = run(waiting, binary, at_once=len(waiting) or 1) + run(alone, binary)
    # Many tests measure time on a shared machine: a test fails only if it fails every time.
    tries = 2 if len(failed) <= AGAIN_MAX else 0
    while failed and tries:
        print(f"retry: {', '.join(name for name, _ in failed)}", flush=True)
        failed = run(failed, binary)
        tries -= 1
    print(f"{len(waiting + alone) - len(failed)} passed, {len(failed)} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
