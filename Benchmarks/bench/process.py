"""Children whose time, CPU and memory are measured from outside."""

import os
import pathlib
import re
import resource
import select
import signal
import subprocess
import time


class BenchmarkError(Exception):
    """What went wrong, in one line."""


def allow_descriptors():
    """As many open files as the system lets this process and its children have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (1 << 17, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
            return
        except (OSError, ValueError):
            continue


class Process:
    """A child with standard output and error in `log`, or with both ends of its standard streams as pipes."""

    def __init__(self, words, log, environment=None, is_piped=False):
        self.name = pathlib.Path(words[0]).name
        self.log = log
        self.started = time.monotonic()
        with open(log, "wb") as output:
            child = subprocess.Popen(
                [str(each) for each in words], env=environment,
                stdin=subprocess.PIPE if is_piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if is_piped else output, stderr=output if is_piped else subprocess.STDOUT)
        # Reaped with wait4 below; Popen must not do it.
        child.returncode = 0
        self.input, self.output = child.stdin, child.stdout
        self.pid = child.pid
        self.descriptor = os.pidfd_open(self.pid)
        self.peak_kib = 0
        self.result = None
        self.cpu = 0.0

    def processor_seconds(self):
        """CPU of all its threads so far, ended ones too, to the nanosecond: clock_getcpuclockid(3)."""
        return time.clock_gettime(~self.pid << 3 | 2) if self.result is None else self.cpu

    def resident_kib(self):
        return self.status("VmRSS")

    def sample_memory(self):
        """VmHWM never falls, so the last sample is the peak; ru_maxrss would begin with this program's own memory."""
        self.peak_kib = max(self.peak_kib, self.status("VmHWM"))

    def status(self, field):
        """0 once it has ended."""
        try:
            found = re.search(rf"{field}:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())
        except OSError:
            return 0
        return int(found[1]) if found else 0

    def has_ended(self, seconds=0.0):
        return self.result is not None or bool(select.select([self.descriptor], [], [], seconds)[0])

    def wait(self, seconds):
        """Returns when the child has ended; kills it and fails after so many seconds."""
        deadline = time.monotonic() + seconds
        while not self.has_ended(0.02):
            self.sample_memory()
            if time.monotonic() > deadline:
                self.kill()
                raise BenchmarkError(f"{self.name} did not end within {seconds} s:\n{self.tail()}")
        self.seconds = time.monotonic() - self.started
        self.reap()
        if self.result != 0:
            raise BenchmarkError(f"{self.name} ended with status {self.result}:\n{self.tail()}")

    def reap(self):
        _, status, usage = os.wait4(self.pid, 0)
        os.close(self.descriptor)
        for pipe in (self.input, self.output):
            if pipe:
                pipe.close()
        self.result = os.waitstatus_to_exitcode(status)
        self.cpu = usage.ru_utime + usage.ru_stime

    def stop(self, seconds=30):
        """Ends it by SIGTERM; it has to end well."""
        self.sample_memory()
        signal.pidfd_send_signal(self.descriptor, signal.SIGTERM)
        self.wait(seconds)

    def kill(self):
        if self.result is None:
            signal.pidfd_send_signal(self.descriptor, signal.SIGKILL)
            self.reap()

    def await_line(self, pattern, seconds=20):
        """The first group of the first line of the log that matches."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.log.read_text(errors="replace"))
            if found:
                return found[1]
            if self.has_ended(0.02):
                break
        raise BenchmarkError(f"{self.name} did not start:\n{self.tail()}")

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])


def await_that(condition, what, seconds, process=None, interval=0.005):
    """Until the condition holds; fails after so many seconds, or when the process has ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        if process and process.has_ended():
            raise BenchmarkError(f"{process.name} ended too early:\n{process.tail()}")
        if time.monotonic() > deadline:
            raise BenchmarkError(
                f"{what}: not there after {seconds:g} s" + (f":\n{process.tail()}" if process else ""))
        if process:
            process.sample_memory()
        time.sleep(interval)
