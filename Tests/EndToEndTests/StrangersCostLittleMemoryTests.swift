import Foundation
import HamsterStatus
import HamsterTesting
import Testing

/// What a connection costs the server before anybody is known to be behind it.
struct StrangersCostLittleMemoryTests {
    private static let connectionCount = 300
    private static let bytesMax = 64 * 1_024

    /// How far a stranger goes before he falls silent.
    enum Stage: CaseIterable {
        /// Connected.
        case silent
        /// Has announced the largest first message that any TLS allows, and nothing of it has come.
        case announced
        /// Has sent most of the largest first message that is accepted.
        case unfinished
        /// Has sent a whole one: the server has answered with its certificate, and waits for the client's.
        case answered

        var bytes: [UInt8] {
            switch self {
            case .silent: []
            case .announced: [22, 3, 1, 0x20, 0, 1, 2, 0, 0]
            case .unfinished: [22, 3, 1, 0x20, 4, 1, 0, 0x20, 0] + [UInt8](repeating: 3, count: 8_000)
            case .answered: ClientHello.record
            }
        }
    }

    @Test(arguments: Stage.allCases)
    func `less than 64 KiB a connection`(stage: Stage) async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        // What the first ones cost is the program's: code and tables that it touches for the first time.
        let first = try await strangers(20, stage, deployment, already: 0)
        let before = try residentBytes(of: server)

        let others = try await strangers(Self.connectionCount, stage, deployment, already: 20)

        let each = (try residentBytes(of: server) - before) / Self.connectionCount
        #expect(each < Self.bytesMax, "\(stage): \(each) bytes a connection")
        withExtendedLifetime((first, others)) {}
    }

    /// Returns when the server has dealt with what they have sent.
    private func strangers(_ count: Int, _ stage: Stage, _ deployment: Deployment, already: Int) async throws
        -> [RawConnection]
    {
        var all: [RawConnection] = []
        for _ in 0..<count {
            let stranger = try RawConnection(port: deployment.port)
            try await stranger.send(stage.bytes)
            if stage == .answered { try await stranger.waitForBytes(700) }
            if stage == .announced { _ = try await stranger.linesUntilEnd() }
            all.append(stranger)
        }
        let openCount = stage == .announced ? 0 : already + count
        _ = try await deployment.statusDocument { $0["connections"] == .integer(openCount) }
        return all
    }

    private func residentBytes(of process: ChildProcess) throws -> Int {
        let words = try String(contentsOfFile: "/proc/\(process.processID)/statm", encoding: .utf8).split(
            separator: " ")
        return (Int(words[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}

/// The first thing that a TLS 1.3 client says (RFC 8446 section 4.1.2), with a key share on X25519 that any 32 bytes are.
private enum ClientHello {
    static var record: [UInt8] {
        let message = [1] + counted(body, by: 3)
        return [22, 3, 1] + counted(message, by: 2)
    }

    private static var body: [UInt8] {
        let version: [UInt8] = [3, 3]
        let random = [UInt8](repeating: 7, count: 32)
        let suites: [UInt8] = [0x13, 0x01]
        return version + random + [0] + counted(suites, by: 2) + counted([0], by: 1) + counted(extensions, by: 2)
    }

    private static var extensions: [UInt8] {
        let share = [0, 0x1D] + counted([UInt8](repeating: 9, count: 32), by: 2)
        return field(43, counted([3, 4], by: 1))  // supported_versions: 1.3
            + field(10, counted([0, 0x1D], by: 2))  // supported_groups: x25519
            + field(13, counted([4, 3, 8, 4], by: 2))  // signature_algorithms: ECDSA with P-256, RSA-PSS
            + field(51, counted(share, by: 2))  // key_share
    }

    private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] { [0, number] + counted(content, by: 2) }

    private static func counted(_ bytes: [UInt8], by width: Int) -> [UInt8] {
        (0..<width).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) } + bytes
    }
}
