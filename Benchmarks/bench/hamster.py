"""Log Hamster: a server, a stream of the protocol in plain text, and the programs as a subject of the workloads."""

import json
import os
import pathlib
import socket

from .context import Pair, Settings, Transfer, size_of
from .material import HOST, same_bytes
from .process import BenchmarkError, Process

LISTENING = r'listening[^\n]*address"?[=:] ?"?[^\n]*:(\d+)'


class Server:
    """A loghamsterd on loopback, with state and outputs of its own; without TLS unless told otherwise."""

    def __init__(self, bin, folder, tables, tls="enabled = false\n", port=0, start=None):
        """`tables` are added to the configuration, `tls` are the lines of its table, `start` makes the process."""
        folder.mkdir(exist_ok=True)
        self.folder, self.log = folder, folder / "receiver.log"
        configuration = folder / "server.toml"
        configuration.write_text(
            f'listen = "127.0.0.1:{port}"\ndirectory = "stored"\nstate = "state"\n[tls]\n' + tls + tables + "\n")
        words = [bin / "loghamsterd", "--config", configuration]
        self.process = start("receiver", folder, words) if start else Process(words, self.log)
        try:
            self.port = int(self.process.await_line(LISTENING))
        except BenchmarkError:
            self.process.kill()
            raise

    def processor_seconds(self):
        return self.process.processor_seconds()

    def stored(self, source, host=HOST):
        """Where the fallback puts a source file."""
        return pathlib.Path(f"{self.folder}/stored/{host}{source}")

    def stop(self):
        self.process.stop()


class Stream:
    """One acknowledged stream, spoken as docs/protocol.md has it."""

    def __init__(self, port, name, host="bench"):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")
        self.lines.readline(), self.lines.readline()
        self.socket.sendall(f"INIT STREAM {host}:/{name} ack:1 file:{name} offset:0\n".encode())
        reply = self.lines.readline()
        if not reply.startswith(b"200 "):
            raise BenchmarkError(f"the server said: {reply.decode()}")

    def await_acknowledgement(self, offset):
        while True:
            line = self.lines.readline()
            if not line.startswith(b"ACK "):
                raise BenchmarkError(f"the server said: {line.decode() or 'nothing, and closed'}")
            if int(line[4:]) >= offset:
                return

    def shut(self):
        """Ends it at once, also for a thread that is sending."""
        self.socket.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.lines.close()
        self.socket.close()


def tls_server(bench, folder, tables="", port=0, cipher=None):
    """A server that demands certificates, with the measured folder's log and the context's processes."""
    ca, certificate, key = bench.identity("localhost")
    more = {"cipher": cipher} if cipher else {}
    return Server(
        bench.options.bin, folder, tables,
        f'cert = "{certificate}"\nkey = "{key}"\nclient_ca = "{ca}"\nclient_auth = "require"\n', port,
        lambda *words: bench.start(*words, **more))


class LogHamster:
    name, title = "loghamster", "Log Hamster"

    def is_there(self):
        return True

    def transfer(self, bench, files, settings):
        """Sends all files of a folder, or one, up to the end: every byte is acknowledged then. Compares each."""
        with bench.folder() as folder:
            server = tls_server(bench, folder, f'[durability]\nsync = "{settings.sync}"\n', cipher=settings.cipher)
            inputs = f'[[input]]\nname = "bench"\nmethod = "once"\npath = "{files[0].parent}/*.log"\n'
            is_folder = len(files) > 1
            configuration = self.configure(bench, folder, server.port, settings, inputs if is_folder else "")
            words = [bench.options.bin / "loghamsterc", *([] if is_folder else ["send"]), "--config", configuration]
            words += [] if is_folder else files
            sender = bench.start("sender", folder, words, settings.cipher)
            sender.wait(settings.timeout)
            server.stop()
            for file in files:
                if not same_bytes(file, server.stored(file)):
                    raise BenchmarkError(f"Log Hamster: {file.name}: what arrived is not what was sent")
        return Transfer(
            sender.seconds, sum(size_of(file) for file in files), sender.cpu, server.process.cpu, sender.peak_kib,
            server.process.peak_kib)

    def follow(self, bench, folder, logs, settings=Settings()):
        server = tls_server(bench, folder, f'[durability]\nsync = "{settings.sync}"\n', cipher=settings.cipher)
        inputs = f'[[input]]\nname = "bench"\npath = "{logs}/*.log"\n'
        configuration = self.configure(bench, folder, server.port, settings, inputs)
        words = [bench.options.bin / "loghamsterc", "--config", configuration]
        sender = bench.start("sender", folder, words, settings.cipher)
        status = folder / "client-state" / "status.socket"
        return Pair(sender, server.process, server.stored, lambda source: acknowledged(status, source))

    @staticmethod
    def configure(bench, folder, port, settings, inputs=""):
        ca, certificate, key = bench.identity(HOST)
        path = folder / "client.toml"
        path.write_text(
            f'hostname = "{HOST}"\nstate = "client-state"\n'
            f'[target]\nhostname = "127.0.0.1"\nport = {port}\ncompress = {str(settings.compress).lower()}\n'
            f'[target.tls]\nca = "{ca}"\ncert = "{certificate}"\nkey = "{key}"\n{inputs}')
        return path


def acknowledged(status, source):
    """What a running client says at its status socket of one of its files."""
    with socket.socket(socket.AF_UNIX) as asking:
        # The socket's address has 108 bytes, a scratch folder may have more.
        folder = os.open(status.parent, os.O_PATH)
        try:
            asking.connect(f"/proc/self/fd/{folder}/{status.name}")
        finally:
            os.close(folder)
        parts = []
        while part := asking.recv(1 << 16):
            parts.append(part)
    files = json.loads(b"".join(parts))["files"]
    return max((file["acknowledged"] for file in files if file["path"] == str(source)), default=0)
