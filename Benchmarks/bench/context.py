"""What all workloads have in common: options, a scratch folder, certificates and the children that are running."""

import contextlib
import dataclasses
import os
import pathlib
import sys

from . import material
from .process import Process

AES_128, AES_256, CHACHA = "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"


def say(text):
    print(text, file=sys.stderr, flush=True)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a transfer is made."""

    cipher: str = AES_128
    sync: str = "os"
    compress: bool = False
    timeout: int = 180


class Bench:
    """Owns the scratch folder and every child; `end_all` leaves neither a process nor a file behind."""

    def __init__(self, options, scratch, subjects=()):
        self.options, self.subjects = options, subjects
        self.scratch = scratch
        self.pki = scratch / "pki"
        self.running = []
        self.counter = 0
        material.make_certificates(self.pki)

    def pick(self, whole, quick):
        return quick if self.options.quick else whole

    def start(self, role, folder, words, cipher=AES_128, more=None, is_piped=False):
        """A child that offers only this cipher suite, with its log in the folder."""
        environment = {**material.openssl_configuration(self.scratch, cipher), **(more or {})}
        process = Process(words, folder / f"{role}.log", environment, is_piped)
        self.running.append(process)
        return process

    def identity(self, name):
        """CA, certificate and key."""
        return [self.pki / "ca.pem", self.pki / f"{name}.pem", self.pki / f"{name}.key"]

    @contextlib.contextmanager
    def folder(self):
        """A new folder for one measurement; at its end the children of it are killed if they run, and large files go."""
        self.counter += 1
        folder = self.scratch / f"run{self.counter}"
        folder.mkdir()
        os.sync()
        before = len(self.running)
        try:
            yield folder
        finally:
            for process in self.running[before:]:
                process.kill()
            del self.running[before:]
            for path in folder.rglob("*"):
                # Small files go with the workload: for a minute ext4 makes new ones slowly where many were removed.
                if path.is_file() and path.stat().st_size >= material.MIB:
                    path.unlink()

    def end_all(self):
        for process in self.running:
            process.kill()
        self.running = []


@dataclasses.dataclass
class Transfer:
    """What one transfer took."""

    seconds: float
    bytes: int
    sender_cpu: float
    receiver_cpu: float
    sender_kib: int
    receiver_kib: int
    # What has to be said beside the numbers.
    note: str = ""

    @property
    def rate(self):
        """MB/s."""
        return self.bytes / 1e6 / self.seconds

    @property
    def cpu_per_gib(self):
        """Of both sides."""
        return (self.sender_cpu + self.receiver_cpu) / (self.bytes / material.GIB)


@dataclasses.dataclass
class Pair:
    """Two running sides of a subject that follow a folder's logs."""

    sender: Process
    receiver: Process
    # Where the bytes of a source file come out: its own file, or the one of all.
    output: "callable"
    # Bytes of a source file that the sender knows to be acknowledged; None where it can't be asked.
    acknowledged: "callable" = None

    def stop(self):
        self.sender.stop()
        self.receiver.stop()


def size_of(path):
    """0 where there is none yet."""
    try:
        return pathlib.Path(path).stat().st_size
    except FileNotFoundError:
        return 0
