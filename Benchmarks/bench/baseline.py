"""The C program: nothing but a file, TLS and a file."""

import json

from .context import Transfer, size_of
from .material import BUILD, HOST, same_bytes
from .process import BenchmarkError

PROGRAM = BUILD / "baseline"


class Baseline:
    """It ships one file alone, and syncs nothing."""

    def __init__(self, mode):
        self.mode, self.name, self.title = mode, f"c-{mode}", f"C, {mode}"

    def is_there(self):
        return True

    def transfer(self, bench, files, settings):
        with bench.folder() as folder:
            output = folder / "output"
            words = [PROGRAM, "receive", self.mode, *bench.identity("localhost"), output]
            receiver = bench.start("receiver", folder, words, settings.cipher)
            port = receiver.await_line(r"port (\d+)\n")
            sender = bench.start(
                "sender", folder, [PROGRAM, "send", self.mode, *bench.identity(HOST), "127.0.0.1", port, files[0]],
                settings.cipher)
            sender.wait(settings.timeout)
            receiver.wait(20)
            if not same_bytes(files[0], output):
                raise BenchmarkError(f"{self.title}: what arrived is not what was sent")
            kib = [self.told(process, settings)["rss_kib"] for process in (sender, receiver)]
        return Transfer(sender.seconds, size_of(files[0]), sender.cpu, receiver.cpu, *kib)

    def told(self, process, settings):
        """Its own last line. It lives too briefly to be looked at for its peak memory."""
        own = json.loads(process.log.read_text().splitlines()[-1])
        if own["cipher"] != settings.cipher:
            raise BenchmarkError(f"{self.title}: the cipher was {own['cipher']}, not {settings.cipher}")
        return own


PLAIN, BEST = Baseline("plain"), Baseline("best")
