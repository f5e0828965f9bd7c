"""A client that asks for enrolment in its first ClientHello and for something else in the second (RFC 8446, section 4.1.2, forbids
it): changing-hello.py PORT. The server has to take P-256 alone, so that it asks for a second one. Prints, for each second name,
how many hellos there were and what became of the connection."""

import ctypes
import ctypes.util
import socket
import sys

ssl = ctypes.CDLL(ctypes.util.find_library("ssl"))
crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
for library, name, result, arguments in [
    (ssl, "TLS_client_method", pointer, []),
    (ssl, "SSL_CTX_new", pointer, [pointer]),
    (ssl, "SSL_CTX_ctrl", ctypes.c_long, [pointer, number, ctypes.c_long, text]),
    (ssl, "SSL_new", pointer, [pointer]),
    (ssl, "SSL_set_bio", None, [pointer, pointer, pointer]),
    (ssl, "SSL_set_connect_state", None, [pointer]),
    (ssl, "SSL_set_alpn_protos", number, [pointer, text, ctypes.c_uint]),
    (ssl, "SSL_do_handshake", number, [pointer]),
    (ssl, "SSL_read", number, [pointer, pointer, number]),
    (crypto, "BIO_s_mem", pointer, []),
    (crypto, "BIO_new", pointer, [pointer]),
    (crypto, "BIO_read", number, [pointer, pointer, number]),
    (crypto, "BIO_write", number, [pointer, text, number]),
]:
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments

SET_GROUPS_LIST = 92


def offer(session, name):
    protocols = bytes([len(name)]) + name if name else b""
    ssl.SSL_set_alpn_protos(session, protocols, len(protocols))


def outcome(port, second):
    context = ssl.SSL_CTX_new(ssl.TLS_client_method())
    # The first one is what a share is sent for, and the server doesn't take it.
    ssl.SSL_CTX_ctrl(context, SET_GROUPS_LIST, 0, b"P-384:P-256")
    session = ssl.SSL_new(context)
    incoming, outgoing = crypto.BIO_new(crypto.BIO_s_mem()), crypto.BIO_new(crypto.BIO_s_mem())
    ssl.SSL_set_bio(session, incoming, outgoing)
    ssl.SSL_set_connect_state(session)
    offer(session, b"loghamster-enroll/1")
    buffer = ctypes.create_string_buffer(65_536)
    hellos = 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stream:
        is_done = ssl.SSL_do_handshake(session) == 1
        while True:
            count = crypto.BIO_read(outgoing, buffer, len(buffer))
            if count > 0:
                data = buffer.raw[:count]
                # Handshake records that hold a ClientHello; behind the second one all is encrypted.
                hellos += data.count(b"\x16\x03") if hellos < 2 else 0
                stream.sendall(data)
            if hellos == 1:
                offer(session, second)
            if is_done and ssl.SSL_read(session, buffer, len(buffer)) > 0:
                return hellos, "welcomed" if buffer.raw.startswith(b"###") else "answered"
            try:
                received = stream.recv(65_536)
            except ConnectionResetError:
                received = b""
            if not received:
                return hellos, "refused"
            crypto.BIO_write(incoming, received, len(received))
            is_done = is_done or ssl.SSL_do_handshake(session) == 1


for second in (b"loghamster-enroll/1", b"loghamster/1", b""):
    print((second or b"none").decode(), *outcome(int(sys.argv[1]), second))
