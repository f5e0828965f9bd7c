"""W6: what thousands of watched files cost while nobody writes to them."""

import time

from .baseline import BEST, PLAIN
from .context import Settings, size_of
from .figures import Figure, at_most
from .material import write_logs
from .peers import QUIET_SECONDS
from .process import BenchmarkError, await_that
from .rounds import take_turns
from .subjects import HAMSTER


def stored_bytes(pair, logs):
    return sum(size_of(output) for output in {pair.output(log) for log in logs})


def await_stored(pair, logs, total, title):
    """Until all is there, or nothing more comes: a peer may lose lines, which is not what this is about."""
    last, changed = 0, time.monotonic()

    def is_over():
        nonlocal last, changed
        size = stored_bytes(pair, logs)
        if size != last:
            last, changed = size, time.monotonic()
        return size == total or size > 0 and time.monotonic() - changed > QUIET_SECONDS

    await_that(is_over, f"{title}: all files", 120, pair.sender, 0.5)


def watch(bench, subject, count, seconds):
    """CPU in % of a core and resident memory in MB, of the sender and of the receiver."""
    with bench.folder() as folder:
        logs = write_logs(folder / "logs", count, 100)
        pair = subject.follow(bench, folder, folder / "logs", Settings(sync="commit"))
        await_stored(pair, logs, 100 * count, subject.title)
        if subject is HAMSTER and stored_bytes(pair, logs) != 100 * count:
            raise BenchmarkError(f"{subject.title}: not all files arrived")
        time.sleep(bench.pick(5, 2))
        sides = (pair.sender, pair.receiver)
        before, start = [side.processor_seconds() for side in sides], time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - start
        cpu = [100 * (side.processor_seconds() - used) / passed for side, used in zip(sides, before)]
        memory = [side.resident_kib() * 1024 / 1e6 for side in sides]
        pair.stop()
    return {"sender": (cpu[0], memory[0]), "receiver": (cpu[1], memory[1])}


def idle(bench):
    count, seconds = bench.pick(5000, 500), bench.pick(60, 5)
    # Of peers one is enough to show that it works, when it has to be quick.
    followers = [subject for subject in bench.subjects if subject not in (PLAIN, BEST)]
    if bench.options.quick:
        followers = [subject for subject in followers if subject is HAMSTER]
    jobs = {subject: lambda subject=subject: watch(bench, subject, count, seconds) for subject in followers}
    found = take_turns(bench, "W6", jobs, warm_up=False)
    figures = []
    for subject, turns in found.items():
        for side in ("sender", "receiver"):
            for index, (what, unit, bound) in enumerate([("CPU", "% of a core", 0.1), ("memory", "MB", 24)]):
                figures.append(Figure(
                    "W6", f"{count} quiet files, {what} of the {side}", subject.title, unit,
                    [turn[side][index] for turn in turns], at_most(bound) if subject is HAMSTER else None))
    return figures
