"""Many streams on one server: W7, thousands connected, W8, 200 into one output, W9, the cost of their number."""

import resource
import time

from .context import say
from .figures import Figure, at_least, at_most
from .generator import Generator
from .hamster import tls_server
from .material import GIB, MIB
from .process import BenchmarkError
from .rounds import take_turns
from .subjects import HAMSTER

LIMITS = "[limits]\nmax_connections = 30000\nmax_streams_per_host = 30000\n"
OS = '[durability]\nsync = "os"\n'
MERGED = '[output.all]\nmatch = { host = "*" }\npath = "all.log"\nframing = "lines"\n'


def outputs_for(count):
    """The rule that so many streams need, and what to say of it: a connection and an output take a descriptor each."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 2 * count + 1000:
        return "", ""
    return MERGED, "into one output: too few open files allowed"


def connect_and_restart(bench, count, idle_seconds):
    """Connects all streams, lets them be quiet, cuts them once, and ends the server under them twice."""
    found = {}
    tables = LIMITS + outputs_for(count)[0]
    with bench.folder() as folder:
        server = tls_server(bench, folder, tables)
        generator = Generator(bench, folder, server.port)
        generator.do("connect 1 full")
        empty = server.process.resident_kib()
        found["connect"] = generator.do(f"connect {count} full")["seconds"]
        found["KiB"] = (server.process.resident_kib() - empty) / (count - 1)
        before, start = server.processor_seconds(), time.monotonic()
        # All the while the generator reads the acknowledgements that come every 15 s.
        time.sleep(idle_seconds)
        found["idle"] = 100 * (server.processor_seconds() - before) / (time.monotonic() - start)
        generator.do("cut")
        answer = generator.do(f"connect {count} resume")
        found["cut"], found["cut, resumed"] = answer["seconds"], answer["resumed"]
        for kind in ("full", "resume"):
            generator.begin("await-end")
            server.stop()
            generator.answer()
            server = tls_server(bench, folder, tables, server.port)
            answer = generator.do(f"connect {count} {kind}")
            found[kind] = answer["seconds"]
            found[f"{kind}, resumed"] = answer["resumed"]
        generator.quit()
        server.stop()
    return found


def connected(bench):
    count, idle_seconds = bench.pick(10000, 500), bench.pick(30, 3)
    found = take_turns(
        bench, "W7", {"all": lambda: connect_and_restart(bench, count, idle_seconds)}, warm_up=False)["all"]

    def line(what, key, unit, goal=None, note=""):
        return Figure("W7", what, HAMSTER.title, unit, [each[key] for each in found], goal, note=note)

    def resumed(key):
        return f"{found[-1][f'{key}, resumed']} of {count} resumed"

    return [
        line(f"{count} streams, memory of the server each", "KiB", "KiB", at_most(32), outputs_for(count)[1]),
        line("all connected after", "connect", "s"),
        line(f"CPU of the server when idle, {idle_seconds} s", "idle", "% of a core"),
        line("all again after the network was cut", "cut", "s", note=resumed("cut")),
        line("all again after a restart, whole handshakes", "full", "s", at_most(20)),
        line("all again after a restart, by resumption", "resume", "s", at_most(20), resumed("resume")),
    ]


def check_lines(path, line_bytes=128):
    """Streams of a merged output may take turns between lines alone."""
    with open(path, "rb") as output:
        while part := output.read(MIB):
            if part[line_bytes - 1 :: line_bytes].count(b"\n") != part.count(b"\n") or len(part) % line_bytes:
                raise BenchmarkError(f"{path.name}: a line is broken")


def into_one(bench, size, sync):
    with bench.folder() as folder:
        server = tls_server(bench, folder, f'[durability]\nsync = "{sync}"\n{LIMITS}{MERGED}')
        generator = Generator(bench, folder, server.port)
        generator.do("connect 200 full")
        before = server.processor_seconds()
        sent = generator.do(f"send {size} 0")
        cpu = server.processor_seconds() - before
        server.process.sample_memory()
        generator.quit()
        server.stop()
        output = folder / "stored" / "all.log"
        if output.stat().st_size != sent["bytes"]:
            raise BenchmarkError(f"the merged output has {output.stat().st_size} bytes of {sent['bytes']}")
        check_lines(output)
    return {"rate": sent["bytes"] / 1e6 / sent["seconds"], "cpu": cpu / (sent["bytes"] / GIB),
            "sender": sent["cpu_seconds"] / (sent["bytes"] / GIB), "MiB": server.process.peak_kib / 1024}


def merged(bench):
    size = bench.pick(GIB, 64 * MIB)
    found = take_turns(bench, "W8", {sync: lambda sync=sync: into_one(bench, size, sync) for sync in ("commit", "os")})
    return [
        Figure("W8", f"200 streams into one output, {sync}", HAMSTER.title, "MB/s", [each["rate"] for each in turns],
               at_least(150), [each["sender"] for each in turns], [each["cpu"] for each in turns],
               receiver_mib=[each["MiB"] for each in turns], note="C sends")
        for sync, turns in found.items()]


def at_fixed_rate(bench, count, rate, seconds, rule):
    """CPU seconds of the server a GiB, of so many streams that share the rate, without the time to connect."""
    with bench.folder() as folder:
        server = tls_server(bench, folder, OS + LIMITS + rule)
        generator = Generator(bench, folder, server.port)
        generator.do(f"connect {count} full")
        # Each stream's output is made by its first bytes, and that is no part of the rate.
        generator.do(f"send {count * 128} 0")
        before = server.processor_seconds()
        sent = generator.do(f"send {rate * seconds} {rate}")
        cpu = server.processor_seconds() - before
        if sent["sending_seconds"] > 1.2 * seconds:
            say(f"W9: {count} streams: {sent['bytes'] / 1e6 / sent['sending_seconds']:.0f} MB/s was all that was taken")
        generator.quit()
        server.stop()
    return cpu / (sent["bytes"] / GIB)


def growth(bench):
    counts = bench.pick([1, 10, 100, 1000, 10000], [1, 10, 100, 500])
    rate, seconds = 50_000_000, bench.pick(8, 2)
    # The same rule for all, or the numbers could not be compared.
    rule, note = outputs_for(max(counts))
    jobs = {count: lambda count=count: at_fixed_rate(bench, count, rate, seconds, rule) for count in counts}
    found = take_turns(bench, "W9", jobs)
    lines = [
        Figure("W9", f"{count} streams, 50 MB/s in all: CPU of the server", HAMSTER.title, "s/GiB", found[count])
        for count in counts]
    worst = [max(turn[1:]) / turn[0] for turn in zip(*(found[count] for count in counts))]
    dearest = Figure("W9", "dearest number of streams / one", HAMSTER.title, "x", worst, at_most(1.33), note=note)
    return [*lines, dearest]
