"""W1, one file over mutual TLS, and W4, the same compressed."""

import time
import zlib

from .baseline import BEST, PLAIN
from .context import AES_128, AES_256, CHACHA, Settings
from .figures import Figure, at_least, at_most, rate, ratio
from .material import MIB, write_log
from .peers import PEERS
from .process import Process
from .rounds import take_turns
from .subjects import HAMSTER

CIPHERS = {"AES-128-GCM": AES_128, "AES-256-GCM": AES_256, "ChaCha20": CHACHA}


def copied(bench, source):
    """MB/s of a copy that ends with fdatasync, on the disk that all outputs are written to."""
    with bench.folder() as folder:
        words = ["dd", f"if={source}", f"of={folder / 'copy'}", "bs=1M", "conv=fdatasync"]
        copy = Process(words, folder / "dd.log")
        copy.wait(300)
    return source.stat().st_size / 1e6 / copy.seconds


def one_log(bench, name, size):
    folder = bench.scratch / name
    folder.mkdir()
    write_log(folder / "source.log", size)
    return [folder / "source.log"]


def bulk_jobs(bench, large, small):
    def job(subject, files, settings):
        return lambda: subject.transfer(bench, files, settings)

    jobs = {
        (subject.name, cipher): job(subject, large, Settings(cipher=suite))
        for cipher, suite in CIPHERS.items() for subject in (PLAIN, BEST, HAMSTER) if subject in bench.subjects}
    jobs |= {(peer.name, "AES-128-GCM"): job(peer, small, Settings()) for peer in PEERS if peer in bench.subjects}
    if HAMSTER in bench.subjects:
        jobs["commit"] = job(HAMSTER, large, Settings(sync="commit"))
        jobs["dd"] = lambda: copied(bench, large[0])
    return jobs


def bulk(bench):
    size = bench.options.size or bench.pick(1024, 64) * MIB
    large, small = one_log(bench, "w1", size), one_log(bench, "w1-small", min(size, bench.pick(32, 3) * MIB))
    found = take_turns(bench, "W1", bulk_jobs(bench, large, small))
    figures = []
    for cipher in CIPHERS:
        for subject in bench.subjects:
            if transfers := found.get((subject.name, cipher)):
                figures.append(rate("W1", f"one file, os, {cipher}", subject, transfers))
        figures += against_c(found, cipher)
    return figures + against_peers(bench, found) + with_commit(found)


def against_c(found, cipher):
    own = found.get((HAMSTER.name, cipher))
    figures = []
    for subject in (PLAIN, BEST):
        other = found.get((subject.name, cipher))
        if not own or not other:
            continue
        rates = [(a.rate, b.rate) for a, b in zip(own, other)]
        costs = [(a.cpu_per_gib, b.cpu_per_gib) for a, b in zip(own, other)]
        is_best = subject is BEST
        figures.append(ratio("W1", f"rate / {subject.title}, {cipher}", rates, at_least(1.05) if is_best else None))
        figures.append(ratio("W1", f"CPU / {subject.title}, {cipher}", costs, at_most(1.05) if is_best else None))
    return figures


def against_peers(bench, found):
    own = found.get((HAMSTER.name, "AES-128-GCM"))
    peers = {peer: found[peer.name, "AES-128-GCM"] for peer in PEERS if peer in bench.subjects}
    if not own or not peers:
        return []
    lines = [
        ratio("W1", f"rate / {peer.title}", [(a.rate, b.rate) for a, b in zip(own, turns)])
        for peer, turns in peers.items()]
    fastest = [max(each.rate for each in turn) for turn in zip(*peers.values())]
    return lines + [ratio("W1", "rate / fastest TLS peer", [(a.rate, b) for a, b in zip(own, fastest)], at_least(20))]


def with_commit(found):
    if "commit" not in found:
        return []
    os_rates = [each.rate for each in found[HAMSTER.name, "AES-128-GCM"]]
    bounds = [min(pair) for pair in zip(found["dd"], os_rates)]
    return [
        rate("W1", "one file, commit, AES-128-GCM", HAMSTER, found["commit"]),
        Figure("W1", "dd conv=fdatasync", "dd", "MB/s", found["dd"]),
        ratio("W1", "commit / the slower of dd and os", [(a.rate, b) for a, b in zip(found["commit"], bounds)],
              at_least(0.9)),
    ]


def deflated(source):
    """MB/s of one thread of zlib at level 1, in parts of 256 KiB, from a file in memory to nowhere."""
    content = source.read_bytes()
    squeeze = zlib.compressobj(1)
    start = time.monotonic()
    for offset in range(0, len(content), 256 << 10):
        squeeze.compress(content[offset : offset + (256 << 10)])
    squeeze.flush()
    return len(content) / 1e6 / (time.monotonic() - start)


def compressed(bench):
    files = one_log(bench, "w4", bench.options.size or bench.pick(256, 32) * MIB)
    found = take_turns(bench, "W4", {
        "hamster": lambda: HAMSTER.transfer(bench, files, Settings(compress=True)),
        "zlib": lambda: deflated(files[0])})
    pairs = [(a.rate, b) for a, b in zip(found["hamster"], found["zlib"])]
    return [
        rate("W4", "one file, compressed", HAMSTER, found["hamster"]),
        Figure("W4", "zlib level 1, one thread", "zlib", "MB/s", found["zlib"]),
        ratio("W4", "rate / zlib level 1", pairs, at_least(0.9)),
    ]
