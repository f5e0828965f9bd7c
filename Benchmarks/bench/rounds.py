"""Measurements that take turns, so that what the machine does besides disturbs all of them."""

from .context import say


def take_turns(bench, title, jobs, warm_up=True):
    """Runs each of the named jobs once a round, in another order each time. Returns the results of each, by name.

    The first round is thrown away where it warms up: a virtual machine is slow at memory that it has not used before,
    which would be charged to whoever comes first.
    """
    results = {name: [] for name in jobs}
    names = list(jobs)
    first = 0 if warm_up and not bench.options.quick else 1
    for number in range(first, bench.options.runs + 1):
        say(f"{title}: {f'round {number} of {bench.options.runs}' if number else 'warm-up'}")
        start = number % len(names) if names else 0
        for name in names[start:] + names[:start]:
            result = jobs[name]()
            if number > 0:
                results[name].append(result)
    return results
