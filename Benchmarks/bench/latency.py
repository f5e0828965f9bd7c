"""W5: from the append of a line to its bytes in the output, and to its acknowledgement."""

import gc
import multiprocessing
import os
import time

from .baseline import BEST, PLAIN
from .context import Settings, size_of
from .figures import Figure, at_most
from .inotify import Watch
from .material import log_block
from .peers import PEERS
from .process import BenchmarkError, await_that
from .rounds import take_turns
from .subjects import HAMSTER

INTERVAL = 0.010
MARK = b"LATENCY "
SILENCE_MAX = 60


def observe(path, last, pipe):
    """Sends the ms from each line's time stamp to its sight in the output, up to line `last`. A process of its own."""
    gc.disable()
    found, rest = [], b""
    output = os.open(path, os.O_RDONLY)
    os.lseek(output, 0, os.SEEK_END)
    watch = Watch(path)
    pipe.send("ready")
    while watch.wait(SILENCE_MAX):
        while part := os.read(output, 1 << 20):
            now = time.monotonic_ns()
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                if line.startswith(MARK):
                    number, stamp = line[len(MARK) :].split()[:2]
                    found.append((now - int(stamp)) / 1e6)
                    if int(number) == last:
                        pipe.send(found)
                        return
    pipe.send(f"after {len(found)} lines nothing more came")


def load(path, rate, seconds):
    """Appends so many bytes a second, in a process of its own."""
    block = log_block()[: 1 << 16]
    start, written = time.monotonic(), 0
    with open(path, "ab", buffering=0) as file:
        while (passed := time.monotonic() - start) < seconds:
            while written < passed * rate:
                written += file.write(block)
            time.sleep(0.0005)


def start_child(function, *words):
    child = multiprocessing.Process(target=function, args=words, daemon=True)
    child.start()
    return child


def append_line(file, number):
    file.write(MARK + b"%d %d a line that somebody waits for\n" % (number, time.monotonic_ns()))


def append_lines(path, count):
    """A line each 10 ms, with its number and the time, to a file that stays open as loggers have it."""
    start = time.monotonic()
    with open(path, "ab", buffering=0) as file:
        for number in range(1, count + 1):
            time.sleep(max(0, start + number * INTERVAL - time.monotonic()))
            append_line(file, number)


def begin(bench, subject, folder, names):
    """A pair that has shipped the first line of each log."""
    logs = folder / "logs"
    logs.mkdir()
    for name in names:
        (logs / name).write_text("the first line\n")
    pair = subject.follow(bench, folder, logs, Settings(sync="commit"))
    for name in names:
        await_that(lambda: size_of(pair.output(logs / name)) > 0, f"{subject.title}: the first line", 60, pair.sender)
    return pair, logs / names[0], logs / names[-1]


def visible(bench, subject, seconds, rate):
    """The ordered latencies in ms, beside so many bytes a second in another file."""
    with bench.folder() as folder:
        names = ["watched.log", "load.log"] if rate else ["watched.log"]
        pair, watched, other = begin(bench, subject, folder, names)
        time.sleep(1)
        disturbances = [(load, other, rate, seconds + 0.5)] if rate else []
        return timed(subject.title, watched, pair.output(watched), seconds, disturbances)


def floor(bench, seconds):
    """The same without anybody between: what the writer, the observer and the machine add."""
    with bench.folder() as folder:
        file = folder / "watched.log"
        file.touch()
        return timed("nobody", file, file, seconds, [])


def timed(title, watched, output, seconds, disturbances):
    """Appends to one file and observes the other, while the disturbances run in processes of their own."""
    count = int(seconds / INTERVAL)
    ours, theirs = multiprocessing.Pipe()
    children = [start_child(observe, output, count, theirs)]
    try:
        ours.recv()
        for function, *words in disturbances:
            children.append(start_child(function, *words))
            time.sleep(0.5)
        append_lines(watched, count)
        found = ours.recv() if ours.poll(2 * SILENCE_MAX) else "the lines didn't arrive"
    finally:
        for child in children:
            child.kill()
            child.join()
    if isinstance(found, str):
        raise BenchmarkError(f"{title}: {found}")
    return sorted(found)


def acknowledgement(bench, count):
    """The ordered times in ms until the client's status says that a line is acknowledged; it is asked every 2 ms."""
    found = []
    with bench.folder() as folder:
        pair, watched, _ = begin(bench, HAMSTER, folder, ["watched.log"])
        with open(watched, "ab", buffering=0) as file:
            for number in range(count):
                time.sleep(0.003 + number * 7 % 11 / 1000)
                start = time.monotonic()
                append_line(file, number)
                size = size_of(watched)
                await_that(
                    lambda: pair.acknowledged(watched) >= size, "the acknowledgement", 20, pair.sender, 0.002)
                found.append((time.monotonic() - start) * 1000)
        pair.stop()
    return sorted(found)


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def latency(bench):
    followers = [subject for subject in bench.subjects if subject not in (PLAIN, BEST)]
    idle, loaded = bench.pick(20, 2), bench.pick(5, 2)
    jobs = {}
    for subject in followers:
        rate = 10_000_000 if subject in PEERS else 200_000_000
        jobs[subject, "idle"] = lambda subject=subject: visible(bench, subject, idle, 0)
        if subject is HAMSTER or not bench.options.quick:
            jobs[subject, f"beside {rate // 1_000_000} MB/s"] = (
                lambda subject=subject, rate=rate: visible(bench, subject, loaded, rate))
    if HAMSTER in followers:
        jobs[None, "idle"] = lambda: floor(bench, idle)
        jobs[HAMSTER, "acknowledged"] = lambda: acknowledgement(bench, bench.pick(100, 10))
    found = take_turns(bench, "W5", jobs, warm_up=False)
    return [line for key in found for line in lines_of(*key, found[key])]


def lines_of(subject, what, turns):
    goals = {"idle": at_most(1.0), "beside 200 MB/s": at_most(30)} if subject is HAMSTER else {}
    text = "append to ACK" if what == "acknowledged" else f"append to visible, {what}"
    title = subject.title if subject else "nobody"
    return [
        Figure("W5", f"{text}, p{share}", title, "ms", [percentile(turn, share / 100) for turn in turns],
               goals.get(what) if share == 99 else None)
        for share in (50, 99)]
