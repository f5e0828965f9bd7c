#!/usr/bin/env python3
"""A TLS 1.3 client that breaks the rules, one rule at a time. Needs tlslite-ng.

usage: hostile-handshakes.py PORT CERTIFICATE KEY

Prints a line per rule, "RULE: OUTCOME", where the outcome is "alert N" (RFC 8446, section 6), "closed" (without an
alert), "served" (the server greets all the same) or "open" (nothing came within the time limit: a fault).
"""

import socket
import sys

from tlslite.api import TLSConnection, HandshakeSettings, X509CertChain, parsePEMKey
from tlslite.constants import AlertDescription, AlertLevel, ContentType, ExtensionType, HandshakeType
from tlslite.errors import TLSAbruptCloseError, TLSLocalAlert, TLSRemoteAlert
from tlslite.extensions import TLSExtension
from tlslite.messages import Alert, Message

# More than the server's deadline for opening a stream.
SECONDS_MAX = 20


class HostileConnection(TLSConnection):
    """Sends what `tamper` makes of each message in its place; further messages are sent as they are."""

    def __init__(self, sock, tamper):
        super().__init__(sock)
        self.tamper = tamper

    def _sendMsg(self, msg, *arguments, **options):
        for changed in self.tamper(msg):
            yield from super()._sendMsg(changed, *arguments, **options)

    def send_now(self, msg):
        for _ in TLSConnection._sendMsg(self, msg):
            pass


def kind(msg):
    return getattr(msg, "handshakeType", None)


def unchanged(msg):
    return [msg]


def replacing(handshake_type, *replacements):
    return lambda msg: list(replacements) if kind(msg) == handshake_type else [msg]


def handshake_message(handshake_type, body):
    return Message(ContentType.handshake, bytearray([handshake_type]) + len(body).to_bytes(3, "big") + body)


def fatal(description):
    return Alert().create(description, AlertLevel.fatal)


# --- what is done to a message ---------------------------------------------------


def changing_hello(change):
    def tamper(msg):
        if kind(msg) == HandshakeType.client_hello:
            change(msg)
        return [msg]

    return tamper


def extension(msg, number):
    return next(entry for entry in msg.extensions if entry.extType == number)


def without(number):
    def change(msg):
        msg.extensions = [entry for entry in msg.extensions if entry.extType != number]

    return changing_hello(change)


def adding(number, payload):
    return changing_hello(lambda msg: msg.extensions.insert(0, TLSExtension(extType=number).create(number, payload)))


def twice(number):
    return changing_hello(lambda msg: msg.extensions.insert(0, extension(msg, number)))


def with_key_share(group, payload):
    entry = group.to_bytes(2, "big") + len(payload).to_bytes(2, "big") + payload
    body = bytearray(len(entry).to_bytes(2, "big") + entry)

    def change(msg):
        index = msg.extensions.index(extension(msg, ExtensionType.key_share))
        msg.extensions[index] = TLSExtension().create(ExtensionType.key_share, body)

    return changing_hello(change)


def early_data(msg):
    if kind(msg) != HandshakeType.client_hello:
        return [msg]
    msg.extensions.insert(0, TLSExtension().create(ExtensionType.early_data, bytearray()))
    return [msg, Message(ContentType.application_data, bytearray(b"INIT STREAM web1:/early.log\n"))]


def spoiled(handshake_type):
    """The last byte is another: a wrong signature, a wrong Finished."""

    def tamper(msg):
        if kind(msg) != handshake_type:
            return [msg]
        content = msg.write()
        content[-1] ^= 1
        return [Message(ContentType.handshake, content)]

    return tamper


def huge_chain(msg):
    """Only the first bytes are sent: pure Python encrypts so slowly that the server would not wait for all of them."""
    if kind(msg) != HandshakeType.certificate:
        return [msg]
    length = (200_000).to_bytes(3, "big")
    return [Message(ContentType.handshake, bytearray([HandshakeType.certificate]) + length + bytearray(1_000))]


def empty_certificate(msg):
    if kind(msg) == HandshakeType.certificate_verify:
        return []
    return replacing(HandshakeType.certificate, handshake_message(11, bytearray(4)))(msg)


# --- connections -----------------------------------------------------------------


class Stranger:
    def __init__(self, port, certificate, key):
        self.port = int(port)
        self.chain = X509CertChain()
        self.chain.parsePemList(open(certificate).read())
        self.key = parsePEMKey(open(key).read(), private=True)

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port))
        sock.settimeout(SECONDS_MAX)
        return sock

    def shake_hands(self, connection, record_size=None):
        if record_size:
            connection.recordSize = record_size
        settings = HandshakeSettings()
        settings.minVersion = settings.maxVersion = (3, 4)
        # tlslite-ng compresses its certificate unasked, which nobody has to accept (RFC 8879, section 3).
        settings.certificate_compression_send = settings.certificate_compression_receive = []
        connection.handshakeClientCert(self.chain, self.key, settings=settings)

    def tampering(self, tamper, after=None, record_size=None):
        """The outcome of a handshake; `after` gets the connection once the server has greeted."""
        with self.connect() as sock:
            connection = HostileConnection(sock, tamper)
            try:
                self.shake_hands(connection, record_size)
                greeting = bytearray()
                while b"STREAMID" not in greeting:
                    received = connection.read(4096)
                    if not received:
                        return "closed"
                    greeting += received
                if not after:
                    return "served"
                after(connection, sock)
                while connection.read(4096):
                    pass
                return "closed"
            except TLSRemoteAlert as error:
                return f"alert {error.description}"
            except (TLSAbruptCloseError, ConnectionError):
                return "closed"
            except socket.timeout:
                return "open"

    def raw(self, *pieces):
        """The outcome of bytes in place of a handshake. What the server says here, nothing has encrypted."""
        with self.connect() as sock:
            answer = b""
            try:
                for piece in pieces:
                    sock.sendall(piece)
                while received := sock.recv(4096):
                    answer += received
            except ConnectionError:
                pass
            except socket.timeout:
                return "open"
            return f"alert {answer[6]}" if answer[:1] == b"\x15" and len(answer) >= 7 else "closed"


def record(content_type, content, length=None):
    return bytes([content_type, 3, 3]) + (length or len(content)).to_bytes(2, "big") + bytes(content)


def sending(*messages):
    def after(connection, _):
        for message in messages:
            connection.send_now(message)

    return after


def unencrypted(content_type, content):
    return lambda connection, sock: sock.sendall(record(content_type, content))


def outcomes(stranger):
    tampering, raw = stranger.tampering, stranger.raw
    yield "nothing wrong", tampering(unchanged)
    yield "hello in records of one byte", tampering(unchanged, record_size=1)
    yield "silence", raw()
    yield "random bytes", raw(bytes(range(97, 123)) * 20)
    yield "record of an unknown type", raw(record(99, b"abc"))
    yield "record longer than any may be", raw(record(22, b"", length=0xFFFF))
    yield "empty records without end", raw(record(22, b"") * 1_000)
    yield "change_cipher_spec without end", raw(record(20, b"\x01") * 1_000)
    yield "data before the handshake", raw(record(23, b"INIT STREAM web1:/a.log\n"))
    yield "Finished in place of the hello", raw(record(22, b"\x14\x00\x00\x20" + bytes(32)))
    yield "alert in place of the hello", raw(record(21, b"\x02\x28"))
    yield "hello of 16 MB announced", raw(record(22, b"\x01\xff\xff\xff" + bytes(16_000)))
    yield "extension twice", tampering(twice(ExtensionType.supported_groups))
    yield "no key share", tampering(without(ExtensionType.key_share))
    yield "no groups", tampering(without(ExtensionType.supported_groups))
    yield "no signature algorithms", tampering(without(ExtensionType.signature_algorithms))
    yield "key share of zeros", tampering(with_key_share(29, bytes(32)))
    yield "key share that is no point", tampering(with_key_share(23, b"\x04" + bytes(64)))
    yield "key share too short", tampering(with_key_share(29, bytes(31)))
    yield "key share of a group that is not offered", tampering(with_key_share(0x0E0E, bytes(32)))
    yield "extension longer than the hello", tampering(adding(ExtensionType.supported_versions, bytearray(b"\xff")))
    yield "early data announced", tampering(adding(ExtensionType.early_data, bytearray()))
    yield "early data sent", tampering(early_data)
    yield "certificate chain of 200 KB", tampering(huge_chain)
    yield "no certificate", tampering(empty_certificate)
    yield "no proof of the key", tampering(replacing(HandshakeType.certificate_verify))
    yield "wrong proof of the key", tampering(spoiled(HandshakeType.certificate_verify))
    yield "wrong Finished", tampering(spoiled(HandshakeType.finished))
    yield "no Finished", tampering(replacing(HandshakeType.finished))
    yield "data in place of Finished", tampering(replacing(HandshakeType.finished, Message(23, bytearray(b"abc"))))
    yield "alert in place of Finished", tampering(
        replacing(HandshakeType.finished, fatal(AlertDescription.handshake_failure)))
    yield "end in place of Finished", tampering(
        replacing(HandshakeType.finished, Alert().create(AlertDescription.close_notify, AlertLevel.warning)))
    yield "unencrypted data afterwards", tampering(unchanged, unencrypted(23, b"INIT STREAM web1:/a.log\n"))
    yield "unencrypted alert afterwards", tampering(unchanged, unencrypted(21, b"\x01\x00"))
    # Each a new one: sending changes a message.
    empty = [Message(ContentType.application_data, bytearray()) for _ in range(1_000)]
    yield "empty data records without end", tampering(unchanged, sending(*empty))
    yield "a second hello", tampering(unchanged, sending(handshake_message(1, bytearray(100))))
    yield "a ticket for the server", tampering(unchanged, sending(handshake_message(4, bytearray(100))))
    yield "a second Finished", tampering(unchanged, sending(handshake_message(20, bytearray(32))))
    yield "key update of an unknown kind", tampering(unchanged, sending(handshake_message(24, bytearray(b"\x07"))))
    yield "unknown alert", tampering(unchanged, sending(fatal(199)))


if __name__ == "__main__":
    for rule, outcome in outcomes(Stranger(*sys.argv[1:])):
        print(f"{rule}: {outcome}", flush=True)
