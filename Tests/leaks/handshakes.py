#!/usr/bin/env python3
"""Makes thousands of connections to a running loghamsterd, good and bad ones, and tells whether its memory grows.

The arguments are its process ID, its port, the directories of its CA and of another, and how many connections to make. The
first fifth fills caches and is not compared. Descriptors have to be as many at the end as at the start.
"""
import os, socket, ssl, sys, threading, time

# 8,000 connections without a leak leave 100 KiB; a leak of one certificate in each is 16 MiB, of 64 bytes this much.
GROWTH_KIB_MAX = 512
THREADS = 4
PATIENCE_SECONDS = 30


class Peer:
    """What all connections share."""

    def __init__(self, port, trusted, foreign):
        self.port = port
        self.good = self.context(trusted, f"{trusted}/web1.pem")
        self.stranger = self.context(trusted, f"{foreign}/web1.pem")
        self.nobody = self.context(trusted, None)
        self.hello = self.client_hello()

    @staticmethod
    def context(trusted, certificate):
        context = ssl.create_default_context(cafile=f"{trusted}/ca.pem")
        if certificate:
            context.load_cert_chain(certificate, certificate.replace(".pem", ".key"))
        return context

    def client_hello(self):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self.good.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
        except ssl.SSLWantReadError:
            return outgoing.read()
        raise RuntimeError("a handshake needs no peer")

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)

    def shake_hands(self, context):
        with self.connect() as raw, context.wrap_socket(raw, server_hostname="localhost") as session:
            # With TLS 1.3 the client is done before the server has judged it: what it reads tells.
            greeting = session.recv(4096)
            while greeting and greeting.count(b"\n") < 2:
                greeting += session.recv(4096)
            return greeting

    def is_served(self):
        return self.shake_hands(self.good).startswith(b"### ")

    def is_refused(self, context):
        try:
            return not self.shake_hands(context)
        except (ssl.SSLError, ConnectionError):
            return True

    def is_closed(self, sent, half_close):
        """Whether the server ends a connection that begins like this, with an alert at most."""
        with self.connect() as raw:
            raw.sendall(sent)
            if half_close:
                raw.shutdown(socket.SHUT_WR)
            try:
                return b"### " not in self.rest(raw)
            except ConnectionError:
                return True

    @staticmethod
    def rest(raw):
        received = b""
        while chunk := raw.recv(4096):
            received += chunk
        return received

    def is_cut(self):
        """Leaves in the middle of the server's answer, without a word."""
        with self.connect() as raw:
            raw.sendall(self.hello)
            return len(raw.recv(100)) > 0


def kinds(peer):
    plain = b"INIT STREAM web1:/var/log/app.log svc:app\n"
    return {
        "good": peer.is_served,
        "of another CA": lambda: peer.is_refused(peer.stranger),
        "without a certificate": lambda: peer.is_refused(peer.nobody),
        "plain text": lambda: peer.is_closed(plain, False),
        "half a ClientHello": lambda: peer.is_closed(peer.hello[: len(peer.hello) // 2], True),
        "cut in the middle": peer.is_cut,
    }


def run(checks, count):
    """Makes connections, one kind after the other, some at a time. Exits where one is not treated as it should be."""
    wrong = []

    def work(first):
        names = list(checks)
        for number in range(first, count, THREADS):
            name = names[number // THREADS % len(names)]
            try:
                if not checks[name]():
                    wrong.append(name)
            except Exception as error:
                wrong.append(f"{name}: {error!r}")
            if wrong:
                return

    threads = [threading.Thread(target=work, args=(first,)) for first in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        sys.exit(f"leaks: a connection was treated as it should not be: {wrong[0]}")


def descriptors(process):
    return len(os.listdir(f"/proc/{process}/fd"))


def memory_kib(process):
    with open(f"/proc/{process}/status") as status:
        return int(next(line for line in status if line.startswith("RssAnon:")).split()[1])


def settle(process, descriptors_max):
    """Waits until the server has closed what its peers have left."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (count := descriptors(process)) > descriptors_max:
        if time.monotonic() > deadline:
            sys.exit(f"leaks: {count} descriptors are open, {descriptors_max} were at the start")
        time.sleep(0.05)
    return count


def main():
    process, port, trusted, foreign, count = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
    checks = kinds(Peer(port, trusted, foreign))
    run(checks, len(checks) * THREADS)
    at_start = descriptors(process)
    figures = []
    for part in range(1, 6):
        run(checks, count // 5)
        settle(process, at_start)
        figures.append(memory_kib(process))
        print(f"leaks: after {part * count // 5} connections: {figures[-1]} KiB, {descriptors(process)} descriptors", flush=True)
    growth = figures[-1] - figures[0]
    print(f"leaks: {growth} KiB more after {count} connections than after {count // 5} ({GROWTH_KIB_MAX} at most)")
    return 0 if growth <= GROWTH_KIB_MAX else 1


sys.exit(main())
