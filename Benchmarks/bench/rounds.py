"""Measurements that take turns, so that what the machine does besides disturbs all of them."""

from .context import say
from .material import fill_page_cache


def take_turns(bench, title, jobs, warm_up=True):
    """Runs each of the named jobs once a round, in another order each time. Returns the results of each, by name.

    Where it warms up, the first round is thrown away, and before each job memory is put into the state of a server that
    has run for long: full of page cache.
    """
    results = {name: [] for name in jobs}
    names = list(jobs)
    warms_up = warm_up and not bench.options.quick
    first = 0 if warms_up else 1
    for number in range(first, bench.options.runs + 1):
        say(f"{title}: {f'round {number} of {bench.options.runs}' if number else 'warm-up'}")
        start = number % len(names) if names else 0
        for name in names[start:] + names[:start]:
            if warms_up:
                fill_page_cache(bench.scratch)
            result = jobs[name]()
            if number > 0:
                results[name].append(result)
    return results
