"""What is shipped, and the certificates and settings it is shipped with."""

import os
import pathlib
import subprocess

from .process import BenchmarkError

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent
BUILD = HERE / ".build"
HOST = "bench-host"
MIB = 1 << 20
GIB = 1 << 30


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


def warm_memory(scratch, size):
    """Touches as much page cache as a round needs: a virtual machine is slow at pages that it never had."""
    path = scratch / "warm-up"
    block = bytes(MIB)
    with open(path, "wb") as output:
        for _ in range(0, size, len(block)):
            output.write(block)
    path.unlink()


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
