"""The load of many streams: Benchmarks/c/streams.c and what it answers."""

import json
import select

from .material import BUILD, HOST
from .process import BenchmarkError

PROGRAM = BUILD / "streams"


class Generator:
    """One process with thousands of streams to a server that demands certificates."""

    def __init__(self, bench, folder, port):
        words = [PROGRAM, *bench.identity(HOST), "127.0.0.1", port, HOST, folder.name]
        self.process = bench.start("generator", folder, words, is_piped=True)

    def begin(self, command):
        self.process.input.write(command.encode() + b"\n")
        self.process.input.flush()

    def answer(self, seconds=300):
        if not select.select([self.process.output], [], [], seconds)[0]:
            raise BenchmarkError(f"streams did not answer within {seconds} s")
        line = self.process.output.readline()
        if not line:
            raise BenchmarkError(f"streams ended:\n{self.process.tail()}")
        return json.loads(line)

    def do(self, command, seconds=300):
        self.begin(command)
        return self.answer(seconds)

    def quit(self):
        self.begin("quit")
        self.process.wait(20)
