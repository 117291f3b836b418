#!/usr/bin/env python3
"""Sends the same conversations to hullo and to strict HTTP/1.1 parsers: h11, llhttp, httptools, hyper,
http_desync_guardian, nginx, HAProxy.

    compare.py BINARY READERS [COUNT] [SEED]

hullo may reject more than any of them. It must not accept what one of them rejects, nor see the end of a
request elsewhere. The exceptions are in differences.md, each with its reason; any other difference fails.
"""
import collections
import os
import re
import sys

import servers
from requests import conversations
from views import UNKNOWN_METHOD, Crate, with_h11, with_httptools, with_llhttp, with_server

# (reader, what it says or None, what the bytes look like, why it is right that hullo differs)
DIFFERENCES = servers.differences()


def known(name, view, data):
    return any(
        re.fullmatch(reader, name)
        and (said is None or re.search(said, str(view.why)))
        and re.search(shape.encode("latin-1"), data, re.S | re.I)
        for reader, said, shape, _ in DIFFERENCES
    )


def same(a, b):
    """HEAD and refusals say no target; a query is not greeted."""
    bare = [re.sub(rb"^https?://[^/]*|\?.*", b"", target) for target in (a, b)]
    bare = [path or b"/" for path in bare]
    return a[:1] == b"?" or b[:1] == b"?" or bare[0] == bare[1]


def fault(ours, theirs):
    both = list(zip(ours.targets, theirs.targets))
    if not all(same(a, b) for a, b in both):
        return "another request is seen"
    if len(ours.targets) > len(theirs.targets):
        # A token that names no method is 501 here and an error elsewhere; where it stood is agreed on.
        if theirs.left or (theirs.refused and ours.targets[len(theirs.targets)] == UNKNOWN_METHOD):
            return None
        return "taken for whole" if theirs.refused else "more requests are seen"
    if len(ours.targets) < len(theirs.targets) and not ours.refused and not ours.left:
        # Some answer before the end of a request. If it never comes, they look for no other.
        if theirs.may_be_early and len(ours.targets) == len(theirs.targets) - 1 and theirs.targets[-1] != b"/next":
            return None
        return "fewer requests are seen"
    return None


def main():
    binary, crate = sys.argv[1], Crate(sys.argv[2]) if os.path.exists(sys.argv[2]) else None
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    readers = {"h11": with_h11, "llhttp": with_llhttp, "httptools": with_httptools}
    if crate:
        readers |= {"hyper": crate.with_hyper, "guardian": crate.with_guardian}
    faults, seen, refusals, total = collections.Counter(), {}, collections.Counter(), 0
    with servers.Servers(binary) as running:
        hullo = with_server(running.hullo)
        for name, port in running.references.items():
            readers[name] = with_server(port, silence=0.2 if name == "haproxy" else None)
        print("references:", ", ".join(readers))
        for data in conversations(seed, count):
            total += 1
            ours = hullo(data)
            refusals["hullo"] += ours.refused
            for name, view in readers.items():
                theirs = view(data)
                if theirs is None:
                    continue
                refusals[name] += theirs.refused
                what = fault(ours, theirs)
                if what and name == "haproxy":
                    # It may only have been slow.
                    theirs = with_server(running.references[name], silence=3)(data)
                    what = fault(ours, theirs)
                if what and not known(name, theirs, data):
                    faults[name, what, str(theirs.why)[:60]] += 1
                    seen.setdefault((name, what, str(theirs.why)[:60]), (data, ours, theirs))
    if crate:
        crate.close()
    for key, times in faults.most_common():
        data, ours, theirs = seen[key]
        print(f"DIFFERS {times} x {key}\n  {data!r}\n  hullo: {ours}\n  {key[0]}: {theirs}")
    print("refused:", ", ".join(f"{name} {refusals[name]}" for name in ["hullo", *readers]))
    print(f"{total} conversations, {len(DIFFERENCES)} kinds of difference are known, {sum(faults.values())} are not")
    missing = sorted({"h11", "llhttp", "httptools", "hyper", "guardian", "nginx", "haproxy"} - set(readers))
    if missing:
        print("without", ", ".join(missing))
    return 1 if faults or missing else 0


if __name__ == "__main__":
    sys.exit(main())
