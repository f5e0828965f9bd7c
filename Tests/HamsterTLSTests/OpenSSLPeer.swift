import Foundation
import Synchronization

/// `openssl s_client` or `s_server` as the other end of a connection.
///
/// @unchecked because `Process` and the pipes are only used by one test at a time; its output has a lock.
final class OpenSSLPeer: @unchecked Sendable {
    private let process = Process()
    private let input: Pipe
    private let collected = CollectedOutput()

    init(_ arguments: [String]) throws {
        let output: Pipe
        (input, output) = try Self.start(process, arguments)
        let (reader, collected) = (output.fileHandleForReading, collected)
        Thread.detachNewThread {
            while case let bytes = reader.availableData, !bytes.isEmpty { collected.append(bytes) }
            collected.end()
        }
    }

    // Not `terminate()`: a process begun on a dispatch thread inherits its signal mask, which holds back SIGTERM.
    deinit { kill() }

    private static func start(_ process: Process, _ arguments: [String]) throws -> (input: Pipe, output: Pipe) {
        try spawning.withLock { _ in
            let (input, output) = (Pipe(), Pipe())
            process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
            process.arguments = arguments
            process.standardInput = input
            process.standardOutput = output
            process.standardError = output
            try process.run()
            return (input, output)
        }
    }

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

    var output: String { collected.text }
    /// Whether the output came to its end, with the process.
    var isAtEnd: Bool { collected.isAtEnd }

    /// The port that a server listens at.
    func port() async throws -> Int {
        let pattern = /ACCEPT 127\.0\.0\.1:(\d+)/
        await until { $0.contains(pattern) }
        guard let match = output.firstMatch(of: pattern), let port = Int(match.1) else { throw Unexpected() }
        return port
    }

    /// Returns once the output satisfies `condition`, or the process has ended.
    func until(_ condition: (String) -> Bool) async {
        await collected.changes.until { condition(output) || isAtEnd }
    }

    /// Returns once the process has ended.
    func end() async { await collected.changes.until { isAtEnd } }

    func send(_ text: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    }

    /// What ^D on the terminal does: `s_client` says close_notify and ends.
    func endInput() throws { try input.fileHandleForWriting.close() }

    /// Ends the process without a word to its peer.
    func kill() {
        if process.isRunning { Glibc.kill(process.processIdentifier, SIGKILL) }
    }
}

/// What a process has written, on both outputs.
private final class CollectedOutput: Sendable {
    let changes = Changes()
    private let state = Mutex((text: "", isAtEnd: false))

    var text: String { state.withLock { $0.text } }
    var isAtEnd: Bool { state.withLock { $0.isAtEnd } }

    func append(_ bytes: Data) {
        state.withLock { $0.text += String(decoding: bytes, as: UTF8.self) }
        changes.signal()
    }

    func end() {
        state.withLock { $0.isAtEnd = true }
        changes.signal()
    }
}
