"""W2, many files, and W3, very many small ones."""

from .context import Settings
from .figures import Figure, at_least, notes_of, rate, ratio
from .material import MIB, write_log, write_logs
from .peers import PEERS
from .rounds import take_turns
from .subjects import HAMSTER


def jobs_of(bench, files, files_of_peers):
    """Peers get fewer bytes, and store them in one file."""
    jobs = {"hamster": lambda: HAMSTER.transfer(bench, files, Settings())} if HAMSTER in bench.subjects else {}
    for peer in PEERS:
        if peer in bench.subjects:
            jobs[peer.name] = lambda peer=peer: peer.transfer(bench, files_of_peers, Settings())
    return jobs


def lines_of_peers(what, found):
    return [rate("W2", what, peer, found[peer.name], "into one file") for peer in PEERS if peer.name in found]


def many_files(bench):
    size = bench.pick(4 * MIB, MIB // 2)
    files = write_logs(bench.scratch / "w2", 200, size)
    smaller = write_logs(bench.scratch / "smaller", 200, bench.pick(160, 20) << 10)
    single = bench.scratch / "w2-one.log"
    write_log(single, 200 * size)
    jobs = jobs_of(bench, files, smaller)
    if "hamster" in jobs:
        jobs["one"] = lambda: HAMSTER.transfer(bench, [single], Settings())
    found = take_turns(bench, "W2", jobs)
    figures = []
    if "hamster" in found:
        pairs = [(a.rate, b.rate) for a, b in zip(found["hamster"], found["one"])]
        figures = [
            rate("W2", f"200 files of {size / MIB:g} MiB", HAMSTER, found["hamster"]),
            rate("W2", "one file of as many bytes", HAMSTER, found["one"]),
            ratio("W2", "rate / that of one file", pairs, at_least(0.8))]
    return figures + lines_of_peers(f"200 files of {smaller[0].stat().st_size >> 10} KiB", found)


def small_files(bench):
    count, fewer = bench.pick(5000, 1000), bench.pick(1000, 100)
    files = write_logs(bench.scratch / "w3", count, 20 << 10)
    some = write_logs(bench.scratch / "some", fewer, 20 << 10)
    found = take_turns(bench, "W3", jobs_of(bench, files, some))
    figures = []
    if transfers := found.get("hamster"):
        what, rates = f"{count} files of 20 KiB", [count / each.seconds for each in transfers]
        figures = [
            rate("W3", what, HAMSTER, transfers),
            Figure("W3", what, HAMSTER.title, "files/s", rates, at_least(2000))]
    for peer in PEERS:
        if peer.name in found:
            what, rates = f"{fewer} files of 20 KiB", [fewer / each.seconds for each in found[peer.name]]
            note = notes_of(found[peer.name], "into one file")
            figures.append(Figure("W3", what, peer.title, "files/s", rates, note=note))
    return figures
