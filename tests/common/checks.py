"""What tests of the binary in Python share: a line per check, and an exit code that is 0 only if none failed."""

import contextlib
import pathlib
import subprocess
import sys

binary = str(pathlib.Path(sys.argv[1]).resolve())
failed = 0


def check(name, detail, *conditions):
    """`conditions` are pairs: a text, and whether it holds. `detail` is printed if one does not."""
    global failed
    wrong = [text for text, holds in conditions if not holds]
    print("FAIL " if wrong else "ok   ", name, flush=True)
    if wrong:
        failed += 1
        print(f"      not so: {', '.join(wrong)}\n{detail}", flush=True)


@contextlib.contextmanager
def serving(*flags):
    """A hullo that serves on one thread."""
    words = [binary, "--workers", "1", *flags]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def finish():
    """Says how many failed, and ends the process."""
    print(f"{failed} failed" if failed else "all passed")
    sys.exit(1 if failed else 0)
