import Foundation
import HamsterTesting
import Testing

/// Python's `ssl` module with a client's certificate is a client: an acknowledged, compressed stream in a few lines.
struct PythonIsTheClientTests {
    /// Arguments: port, CA, certificate, key, file. Ends with the last acknowledgement on standard output.
    private static let program = """
        import socket, ssl, sys, zlib
        port, ca, certificate, key, path = sys.argv[1:]
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["loghamster/1"])
        data = open(path, "rb").read()
        with socket.create_connection(("127.0.0.1", int(port))) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                lines = tls.makefile("rb")
                assert lines.readline().startswith(b"### ") and lines.readline().startswith(b"STREAMID ")
                tls.sendall(b"INIT STREAM web1:/var/log/app.log ack:1 file:f offset:0 compress:zlib\\n")
                reply = lines.readline().split()
                assert reply[0] == b"200" and b"compress:zlib" in reply, reply
                deflate = zlib.compressobj()
                for start in range(0, len(data), 65536):
                    tls.sendall(deflate.compress(data[start:start + 65536]) + deflate.flush(zlib.Z_SYNC_FLUSH))
                line = b""
                while line != b"ACK %d\\n" % len(data):
                    line = lines.readline()
                    assert line.startswith(b"ACK "), line
                try:
                    tls.unwrap()
                except ssl.SSLError as error:
                    # The server repeats its last acknowledgement at the end, and Python knows no half-closed connection.
                    assert error.reason == "APPLICATION_DATA_AFTER_CLOSE_NOTIFY", error
        print(line.decode().strip())
        """

    @Test func `its data is stored, and it hears so`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let bytes = logText(bytes: 1_000_000)
        let path = try deployment.scratch.write("source/app.log", bytes)

        let client = try ChildProcess(
            "/usr/bin/env",
            [
                "python3", "-c", Self.program, "\(deployment.port)", deployment.authority.certificate,
                deployment.clientPair.certificate, deployment.clientPair.key, path,
            ], in: deployment.scratch)

        #expect(try await client.exitCode() == 0, "\(client.errors)")
        #expect(client.output.hasSuffix("ACK \(bytes.count)\n"))
        let isSame = deployment.scratch.contents("stored/web1/var/log/app.log") == bytes
        #expect(isSame)
    }

    @Test func `without a certificate it is refused in words`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let path = try deployment.scratch.write("source/app.log", "a line\n")
        let program = Self.program.replacing("context.load_cert_chain(certificate, key)", with: "")

        let client = try ChildProcess(
            "/usr/bin/env",
            ["python3", "-c", program, "\(deployment.port)", deployment.authority.certificate, "none", "none", path],
            in: deployment.scratch)

        #expect(try await client.exitCode() == 1)
        #expect(client.errors.contains("certificate required"), "\(client.errors)")
        #expect(deployment.scratch.contents("stored/web1/var/log/app.log") == nil)
    }
}
