"""What the benchmarks share: a server of their own, and streams as docs/protocol.md has them."""

import pathlib
import signal
import socket
import subprocess
import time


class BenchmarkError(Exception):
    """What went wrong, in one line."""


class Server:
    """A loghamsterd on loopback, with state and outputs of its own; without TLS unless told otherwise."""

    def __init__(self, bin, folder, tables, tls="enabled = false\n"):
        """`tables` is what else stands in the configuration, `tls` the lines of its table."""
        folder.mkdir()
        configuration = folder / "server.toml"
        configuration.write_text(
            'listen = "127.0.0.1:0"\ndirectory = "stored"\nstate = "state"\n[tls]\n' + tls + tables + "\n")
        self.log = folder / "log"
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                [bin / "loghamsterd", "--config", configuration], stdin=subprocess.DEVNULL, stderr=output)
        try:
            self.port = self.await_port()
        except BenchmarkError:
            self.process.kill()
            raise

    def await_port(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            for line in self.log.read_text().splitlines():
                if "listening" in line:
                    return int(line.rsplit(":", 1)[1])
            time.sleep(0.02)
        raise BenchmarkError(f"loghamsterd did not start:\n{self.log.read_text()[-500:]}")

    def processor_seconds(self):
        """Time that its threads have run, to the nanosecond (proc_pid_schedstat)."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(20) != 0:
            raise BenchmarkError(f"loghamsterd ended with {self.process.returncode}:\n{self.log.read_text()[-500:]}")


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
