"""The peers that Debian has, as own processes in the foreground with the configurations of Benchmarks/peers."""

import collections
import glob
import pathlib
import socket
import time

from .context import Pair, Settings, Transfer, size_of
from .material import BUILD, HERE, HOST, same_bytes
from .process import await_that

TREE = BUILD / "peers" / "root"
LIBRARIES = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu",
             "usr/lib/syslog-ng"]

# What has not come after so long doesn't come any more.
QUIET_SECONDS = 10


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_listening(port):
    """By the kernel's list: a connection would be a failed handshake for the peer."""
    table = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(fields[1].endswith(f":{port:04X}") and fields[3] == "0A" for fields in map(str.split, table))


def compare(files, output):
    """What is wrong with what arrived, in words; nothing where all did, in order."""
    sent, stored = (collections.Counter(line for file in each for line in open(file, "rb"))
                    for each in (files, [output]))
    lost, more = (sent - stored).total(), (stored - sent).total()
    if lost or more:
        return f"lost {lost} of {sent.total()} lines" + (f", {more} too many" if more else "")
    return "" if len(files) > 1 or same_bytes(files[0], output) else "order of lines not kept"


class Peer:
    """A syslog daemon that follows the logs of a folder and stores their lines in one file at the other side."""

    def __init__(self, name, title, program, configuration):
        self.name, self.title, self.configuration = name, title, configuration
        self.program = TREE / "usr" / "sbin" / program
        self.environment = {"LD_LIBRARY_PATH": ":".join(str(TREE / each) for each in LIBRARIES)}

    def is_there(self):
        return self.program.exists()

    def start(self, bench, role, folder, port, logs, cipher):
        state = folder / role
        state.mkdir()
        own, other = ("localhost", HOST) if role == "receiver" else (HOST, "localhost")
        ca, certificate, key = bench.identity(own)
        text = (HERE / "peers" / f"{self.configuration}-{role}.conf").read_text()
        fields = {"STATE": state, "CA": ca, "CERTIFICATE": certificate, "KEY": key, "PEER": other, "PORT": port,
                  "FOLDER": logs, "OUTPUT": folder / "output"}
        for field, value in fields.items():
            text = text.replace(f"@{field}@", str(value))
        configuration = folder / f"{role}.conf"
        configuration.write_text(text)
        return bench.start(role, folder, self.command(configuration, state), cipher, self.environment)

    def follow(self, bench, folder, logs, settings=Settings()):
        port = free_port()
        receiver = self.start(bench, "receiver", folder, port, logs, settings.cipher)
        await_that(lambda: is_listening(port), f"{self.title} listens", 20, receiver)
        sender = self.start(bench, "sender", folder, port, logs, settings.cipher)
        return Pair(sender, receiver, lambda source: folder / "output")

    def transfer(self, bench, files, settings):
        """All files of the folder of `files`, into one."""
        total = sum(size_of(file) for file in files)
        with bench.folder() as folder:
            pair = self.follow(bench, folder, files[0].parent, settings)
            output = pair.output(files[0])
            self.await_output(output, total, settings.timeout, pair.sender)
            # The output's last write, on the clock of `started`.
            end = time.monotonic() - (time.time() - output.stat().st_mtime)
            cpu = [process.processor_seconds() for process in (pair.sender, pair.receiver)]
            for process in (pair.sender, pair.receiver):
                process.sample_memory()
            note, arrived = compare(files, output), size_of(output)
            pair.stop()
        return Transfer(end - pair.sender.started, arrived, *cpu, pair.sender.peak_kib, pair.receiver.peak_kib, note)

    def await_output(self, output, total, seconds, sender):
        """Until all is there, or nothing more comes."""
        def is_over():
            size = size_of(output)
            return size >= total or size > 0 and time.time() - output.stat().st_mtime > QUIET_SECONDS
        await_that(is_over, f"{self.title}: the whole output", seconds, sender)


class Rsyslog(Peer):
    def command(self, configuration, state):
        modules = glob.glob(str(TREE / "usr/lib/*/rsyslog"))
        return [self.program, "-n", "-f", configuration, "-i", state / "pid", "-M", ":".join(modules)]


class SyslogNG(Peer):
    def command(self, configuration, state):
        modules = glob.glob(str(TREE / "usr/lib/syslog-ng/[0-9]*"))
        return [self.program, "--foreground", "--no-caps", "--cfgfile", configuration, "--pidfile", state / "pid",
                "--persist-file", state / "persist", "--control", state / "control",
                "--module-path", ":".join(modules)]


PEERS = [
    Rsyslog("rsyslog", "rsyslog TLS", "rsyslogd", "rsyslog"),
    Rsyslog("rsyslog-relp", "rsyslog RELP", "rsyslogd", "rsyslog-relp"),
    SyslogNG("syslog-ng", "syslog-ng", "syslog-ng", "syslog-ng"),
]
