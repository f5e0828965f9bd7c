"""Who takes part."""

from .baseline import BEST, PLAIN
from .hamster import LogHamster
from .peers import PEERS

HAMSTER = LogHamster()
ALL = [PLAIN, BEST, HAMSTER, *PEERS]
GROUPS = {"baseline": [PLAIN, BEST], "peers": PEERS}
NAMES = [subject.name for subject in ALL] + list(GROUPS)


def named(names):
    """Subjects of these names and groups, in the order of ALL; all where none is named."""
    wanted = [subject for name in names for subject in GROUPS.get(name, [s for s in ALL if s.name == name])]
    return [subject for subject in ALL if subject in wanted or not names]
