import Foundation
import HamsterStatus
import HamsterTesting
import Logging
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(5))) struct StatusServiceTests {
    let scratch: ScratchDirectory
    let document = JSON.object([.init("answer", .integer(42))])

    init() throws { scratch = try ScratchDirectory() }

    func service(
        _ directory: String? = nil, limits: StatusService.Limits = .init(),
        _ document: @escaping @Sendable () async -> JSON
    ) throws -> StatusService {
        try StatusService(
            directory: directory ?? scratch.path, limits: limits,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, document: document)
    }

    /// Runs the service while `body` runs, and then ends it as a program does.
    func serving<Value: Sendable>(_ service: StatusService, _ body: () async throws -> Value) async throws -> Value {
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service)], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        async let running: Void = group.run()
        let result: Result<Value, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        await group.triggerGracefulShutdown()
        try await running
        return try result.get()
    }

    /// Off the cooperative pool, whose threads must not wait.
    func fetch(_ directory: String? = nil, timeout: Duration = .seconds(20)) async throws -> JSON {
        let path = directory ?? scratch.path
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try StatusRequest.fetch(in: path, timeout: timeout) })
            }
        }
    }

    @Test func `each connection gets the document of that moment`() async throws {
        let moment = Counter()
        let answers = try await serving(try service { .integer(moment.next()) }) {
            [try await fetch(), try await fetch(), try await fetch()]
        }

        #expect(answers == [.integer(1), .integer(2), .integer(3)])
    }

    @Test func `a document of megabytes arrives whole`() async throws {
        let large = JSON.array((0..<100_000).map { .string("element \($0)") })

        let answer = try await serving(try service { large }) { try await fetch() }
        let isSame = answer == large
        #expect(isSame)
    }

    @Test func `the socket is for the user and the group, and goes with the service`() async throws {
        let mode = try await serving(try service { document }) {
            try FileManager.default.attributesOfItem(atPath: scratch("status.socket"))[.posixPermissions] as? Int
        }

        #expect(mode == 0o660)
        #expect(!FileManager.default.fileExists(atPath: scratch("status.socket")))
    }

    @Test func `the socket of a killed process is replaced, and asking it says that nobody runs`() async throws {
        try leaveSocket(at: scratch("status.socket"))
        try leaveSocket(at: scratch("status.socket.new"))
        let error = await #expect(throws: StatusError.self) { try await fetch() }

        #expect(error?.code == .notRunning)
        #expect(try await serving(try service { document }) { try await fetch() } == document)
    }

    @Test func `where nothing is, nobody runs`() async throws {
        let error = await #expect(throws: StatusError.self) { try await fetch() }
        let other = await #expect(throws: StatusError.self) { try await fetch(scratch("missing")) }

        #expect(error?.code == .notRunning)
        #expect(other?.code == .notRunning)
    }

    @Test(arguments: ["status.socket", "status.socket.new"], ["file", "link", "directory"])
    func `what is no socket is an error, and stays`(name: String, kind: String) throws {
        let path = scratch(name)
        switch kind {
        case "file": try scratch.write(name, "precious")
        case "link":
            try leaveSocket(at: scratch("elsewhere"))
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: scratch("elsewhere"))
        default: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        let before = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int

        let error = #expect(throws: StatusError.self) { try service { document } }
        #expect(error?.code == .occupied)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int == before)
    }

    @Test func `a directory whose path is too long for a socket's address works as well`() async throws {
        let directory = scratch(String(repeating: "long/", count: 40)) + "state"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)

        #expect(try await serving(try service(directory) { document }) { try await fetch(directory) } == document)
    }

    @Test func `those beyond the limit are not answered`() async throws {
        try await serving(try service(limits: oneConnection(.seconds(3_600))) { Self.large }) {
            let stuck = try UnixConnection(scratch("status.socket"))
            try await eventually("bytes for the one who doesn't read") { stuck.hasBytes }
            let error = await #expect(throws: StatusError.self) { try await fetch() }
            #expect(error?.code == .system)
        }
    }

    @Test func `one who never reads is dropped`() async throws {
        try await serving(try service(limits: oneConnection(.seconds(3))) { Self.large }) {
            let stuck = try UnixConnection(scratch("status.socket"))
            try await eventually("bytes for the one who doesn't read") { stuck.hasBytes }
            _ = try await awaited("an answer after the other was dropped") { try? await fetch() }
            #expect(stuck.hasBytes)
        }
    }

    /// More than the kernel takes for a reader who sleeps.
    private static let large = JSON.string(String(repeating: "x", count: 1 << 20))

    private func oneConnection(_ timeout: Duration) -> StatusService.Limits {
        var limits = StatusService.Limits()
        limits.connectionsMax = 1
        limits.timeout = timeout
        return limits
    }

    @Test func `a program that never answers is given up`() async throws {
        let silent = try ListeningSocket(scratch("status.socket"))

        let error = await #expect(throws: StatusError.self) { try await fetch(timeout: .milliseconds(100)) }
        #expect(error?.code == .timedOut)
        #expect(silent.isOpen)
    }

    private func leaveSocket(at path: String) throws { try ListeningSocket(path).abandon() }
}

private final class Counter: Sendable {
    private let queue = DispatchQueue(label: "counter")
    nonisolated(unsafe) private var value = 0

    /// Guarded by the queue.
    func next() -> Int {
        queue.sync {
            value += 1
            return value
        }
    }
}

/// A socket with a name, as a process leaves it that is killed.
private final class ListeningSocket {
    private let descriptor: CInt
    private(set) var isOpen = true

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let code = withUnixAddress(path) { bind(descriptor, $0, $1) }
        guard code == 0, listen(descriptor, 1) == 0 else {
            throw TestingError("\(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { abandon() }

    func abandon() {
        guard isOpen else { return }
        isOpen = false
        close(descriptor)
    }
}

private final class UnixConnection: Sendable {
    private let descriptor: CInt

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard withUnixAddress(path, { connect(descriptor, $0, $1) }) == 0 else {
            throw TestingError("\(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    var hasBytes: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, CInt(MSG_PEEK | MSG_DONTWAIT)) == 1
    }
}

private func withUnixAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
