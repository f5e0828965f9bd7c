"""The table and the JSON of a run, and the machine that it was made on."""

import dataclasses
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess

from .material import ROOT

HEADINGS = ["", "what", "subject", "median", "unit", "from-to", "CPU s/GiB", "MiB", "goal", ""]


def number(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def both(sender, receiver):
    """The medians of two sides, or what there is of them."""
    sides = [f"{statistics.median(side):.3g}" for side in (sender, receiver) if side]
    return " + ".join(sides)


def cells(figure):
    spread = f"{number(min(figure.values))}-{number(max(figure.values))}" if len(figure.values) > 1 else ""
    reached = "" if figure.goal is None else "reached" if figure.is_reached else "NO"
    return [
        figure.workload, figure.what, figure.subject, number(figure.median), figure.unit, spread,
        both(figure.sender_cpu, figure.receiver_cpu), both(figure.sender_mib, figure.receiver_mib),
        str(figure.goal or ""), f"{reached} {figure.note}".strip()]


def table(figures):
    rows = [HEADINGS] + [cells(figure) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = []
    for row in rows:
        texts = [text.rjust(width) if column in (3, 5, 6, 7) else text.ljust(width)
                 for column, (text, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(texts).rstrip())
        if row is HEADINGS:
            lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines)


def output_of(words):
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def machine(scratch):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "cpu": cpu[1] if cpu else platform.machine(), "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory[1]) / (1 << 20), 1), "kernel": platform.release(),
        "file_system": output_of(["stat", "--file-system", "--format=%T", str(scratch)]),
        "openssl": output_of(["openssl", "version"]), "python": platform.python_version(),
        "commit": output_of(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]), "load": os.getloadavg()[0],
    }


def describe(facts):
    return (f"{facts['cores']} x {facts['cpu']}, {facts['memory_gib']} GiB, Linux {facts['kernel']}, "
            f"{facts['file_system']}, {facts['openssl']}, commit {facts['commit']}, "
            f"load at the start {facts['load']:.1f}")


def as_json(figures, facts, options, missing, failures):
    lines = []
    for figure in figures:
        line = dataclasses.asdict(figure)
        line["median"] = figure.median
        line["goal"] = str(figure.goal) if figure.goal else None
        line["reached"] = figure.is_reached if figure.goal else None
        lines.append(line)
    return json.dumps(
        {"machine": facts, "runs": options.runs, "quick": options.quick, "missing": missing, "failures": failures,
         "figures": lines}, indent=2, ensure_ascii=False) + "\n"
