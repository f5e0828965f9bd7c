"""What is shipped, and the certificates and settings it is shipped with."""

import os
import pathlib
import re
import subprocess
import time

from .process import BenchmarkError

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent
BUILD = HERE / ".build"
HOST = "bench-host"
MIB = 1 << 20
GIB = 1 << 30
# Enough for what runs; the kernel keeps some hundred MiB free in any case.
FREE_BYTES = 600 * MIB


def log_block():
    """Two megabytes of lines as a web server writes them."""
    lines = [
        f'192.0.2.{i * 37 % 256} - - [12/Mar/2026:10:{i // 60 % 60:02d}:{i % 60:02d} +0000] '
        f'"GET /shop/item/{i * 7919 % 99991} HTTP/1.1" {(200, 200, 200, 304, 404)[i % 5]} {i * 613 % 40000}\n'
        for i in range(20000)
    ]
    return "".join(lines).encode()


def ended(content):
    """The same number of bytes with a line's end behind a line that isn't empty: syslog daemons drop empty ones."""
    return content[:-2] + b".\n"


def write_log(path, size):
    """A log of exactly so many bytes, with a line's end at its end; the blocks differ in their counters."""
    block = log_block()
    left, number = size, 0
    with open(path, "wb") as output:
        while left > 0:
            part = (f"block {number}\n".encode() + block)[:left]
            left -= len(part)
            output.write(part if left else ended(part))
            number += 1


def write_logs(folder, count, size):
    """So many logs of the same size, each with its number in the first line."""
    folder.mkdir()
    body = log_block()
    while len(body) < size:
        body += body
    for number in range(count):
        content = f"file {number} ".encode() + body[number * 7 :]
        with open(folder / f"{number:05d}.log", "wb") as output:
            output.write(ended((content + body)[:size]))
    return sorted(folder.iterdir())


def same_bytes(first, second):
    if os.path.getsize(first) != os.path.getsize(second):
        return False
    with open(first, "rb") as one, open(second, "rb") as other:
        while part := one.read(4 * MIB):
            if part != other.read(len(part)):
                return False
    return True


def fill_page_cache(scratch):
    """Leaves little memory free: what is written next takes its pages from the clean ones of the page cache.

    A virtual machine gives free memory back to its host. A page that it has to ask for again takes up to eight times as
    long to fill, and which of the subjects gets such pages is chance.
    """
    free = int(re.search(r"MemFree:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) << 10
    part = bytearray(MIB)
    # Of a file without blocks, which costs the disk nothing.
    with open(scratch / f"page-cache-{time.monotonic_ns()}", "wb+", buffering=0) as sparse:
        sparse.truncate(max(0, free - FREE_BYTES))
        while sparse.readinto(part):
            pass


def make_certificates(pki):
    authority = [str(ROOT / "certs" / "ca"), "--dir", str(pki)]
    for command in (["init"], ["server", "localhost", "127.0.0.1"], ["client", HOST]):
        done = subprocess.run(authority + command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise BenchmarkError(f"certs/ca {command[0]}: {done.stderr.strip()}")


def openssl_configuration(scratch, cipher):
    """All programs read this one, so that all offer the same single suite. The environment to start them in."""
    path = scratch / f"{cipher}.cnf"
    path.write_text(
        "openssl_conf = start\n[start]\nssl_conf = modules\n[modules]\nsystem_default = tls\n"
        f"[tls]\nCiphersuites = {cipher}\nMinProtocol = TLSv1.3\n")
    return {**os.environ, "OPENSSL_CONF": str(path)}
