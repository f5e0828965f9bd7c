import Foundation
import Synchronization

/// `openssl s_client` or `s_server` as the other end of a connection.
///
/// @unchecked because `Process` and the pipes are only used by one test at a time; the output has a lock.
final class OpenSSLPeer: @unchecked Sendable {
    private let process = Process()
    private let input = Pipe()
    private let collected = Mutex((text: "", isAtEnd: false))
    private let changes = Changes()

    init(_ arguments: [String]) throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        output.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let bytes = handle.availableData
            if bytes.isEmpty { handle.readabilityHandler = nil }
            self?.collected.withLock {
                $0.text += String(decoding: bytes, as: UTF8.self)
                $0.isAtEnd = bytes.isEmpty
            }
            self?.changes.signal()
        }
        try process.run()
    }

    deinit { if process.isRunning { process.terminate() } }

    /// A server on a port of the system's choice, which reverses each line.
    static func server(_ issued: TestPKI.Issued, _ arguments: [String] = []) throws -> OpenSSLPeer {
        try OpenSSLPeer(
            ["s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", issued.certificate, "-key", issued.key]
                + arguments)
    }

    /// A client of a local port, that sends what is given to `send`.
    static func client(port: Int, _ arguments: [String] = []) throws -> OpenSSLPeer {
        try OpenSSLPeer(["s_client", "-connect", "127.0.0.1:\(port)"] + arguments)
    }

    var output: String { collected.withLock { $0.text } }
    /// Whether the output came to its end, with the process.
    var isAtEnd: Bool { collected.withLock { $0.isAtEnd } }

    /// The port that a server listens at.
    func port() async throws -> Int {
        let pattern = /ACCEPT 127\.0\.0\.1:(\d+)/
        await until { $0.contains(pattern) }
        guard let match = output.firstMatch(of: pattern), let port = Int(match.1) else { throw Unexpected() }
        return port
    }

    /// Returns once the output satisfies `condition`, or the process has ended.
    func until(_ condition: (String) -> Bool) async {
        await changes.until { condition(output) || isAtEnd }
    }

    /// Returns once the process has ended.
    func end() async { await changes.until { isAtEnd } }

    func send(_ text: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    }

    /// What ^D on the terminal does: `s_client` says close_notify and ends.
    func endInput() throws { try input.fileHandleForWriting.close() }

    /// Ends the process without a word to its peer.
    func kill() { Glibc.kill(process.processIdentifier, SIGKILL) }
}
