"""What a workload finds: figures with their goals."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Goal:
    """A bound that a figure's median has to keep."""

    kind: str
    bound: float

    def is_reached(self, value):
        return value >= self.bound if self.kind == "at least" else value <= self.bound

    def __str__(self):
        return f"{'≥' if self.kind == 'at least' else '≤'} {self.bound:g}"


def at_least(bound):
    return Goal("at least", bound)


def at_most(bound):
    return Goal("at most", bound)


@dataclasses.dataclass
class Figure:
    """One line of the table: what was measured in each run, and beside it CPU seconds per GiB and MiB of both sides."""

    workload: str
    what: str
    subject: str
    unit: str
    values: list
    goal: Goal = None
    sender_cpu: list = None
    receiver_cpu: list = None
    sender_mib: list = None
    receiver_mib: list = None
    note: str = ""

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def is_reached(self):
        return self.goal is None or self.goal.is_reached(self.median)


def notes_of(transfers, more=""):
    notes = {each.note for each in transfers} | {more}
    return "; ".join(sorted(note for note in notes if note))


def rate(workload, what, subject, transfers, note=""):
    """The line of a subject's transfers."""
    gib = 1 << 30
    return Figure(
        workload, what, subject.title, "MB/s", [each.rate for each in transfers],
        sender_cpu=[each.sender_cpu / (each.bytes / gib) for each in transfers],
        receiver_cpu=[each.receiver_cpu / (each.bytes / gib) for each in transfers],
        sender_mib=[each.sender_kib / 1024 for each in transfers],
        receiver_mib=[each.receiver_kib / 1024 for each in transfers],
        note=notes_of(transfers, note))


def ratio(workload, what, pairs, goal=None, subject="Log Hamster", note=""):
    """The line of a ratio, each of the two numbers of one round."""
    return Figure(workload, what, subject, "x", [one / other for one, other in pairs], goal, note=note)
