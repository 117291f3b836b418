"""Runs all tests, or those whose names contain one of the words: main.py BINARY [WORD...]."""

import sys
import time

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

GROUPS = [
    closing,
    flood,
    connection_limit,
    descriptors,
    memory,
    surroundings,
    storms,
    times,
    limits,
    link,
    slow,
]


def run(name, test, binary):
    """Runs one test and the checks after it. Returns whether it passed."""
    lab = Lab(binary, warm_up)
    start = time.monotonic()
    fault = figures = after = None
    try:
        figures = test(lab)
        after = lab.aftermath()
    except (Fault, OSError, ValueError) as error:
        fault = f"{type(error).__name__}: {error}"
    try:
        lab.close()
    except Fault as error:
        fault = fault or str(error)
    seconds = time.monotonic() - start
    if fault:
        print(f"FAIL  {name} ({seconds:.1f} s): {fault}", flush=True)
        for line in [line for server in lab.servers for line in server.said()]:
            print(f"      it said: {line}")
    else:
        print(f"ok    {name} ({seconds:.1f} s): {figures}\n      after: {after}", flush=True)
    return fault is None


def main():
    binary, words = sys.argv[1], sys.argv[2:]
    raise_open_file_limit()
    passed, failed = 0, []
    for name, test in [entry for group in GROUPS for entry in group.TESTS]:
        if words and not any(word in name for word in words):
            continue
        reason = getattr(test, "why_not", lambda: None)()
        if reason:
            print(f"skip  {name}: {reason}", flush=True)
        elif run(name, test, binary):
            passed += 1
        else:
            failed.append((name, test))
    # Many tests measure time on a shared machine: a test fails only if it fails every time.
    tries = 2 if len(failed) <= AGAIN_MAX else 0
    while failed and tries:
        print(f"retry: {', '.join(name for name, _ in failed)}", flush=True)
        again, failed = failed, [entry for entry in failed if not run(*entry, binary)]
        passed += len(again) - len(failed)
        tries -= 1
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
