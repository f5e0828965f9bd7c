import Foundation
import HamsterCore
import HamsterFiles
import HamsterStore
import Synchronization

/// A directory with a state and an output directory below it, removed when the last reference goes.
final class StoreScene: Sendable {
    let path: String
    private let noted = Mutex<[StoreEvent]>([])
    /// What the stores of this scene have done on their own.
    var events: [StoreEvent] { noted.withLock { $0 } }

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("hamster-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.resolvingSymlinksInPath().path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var configuration: StoreConfiguration {
        StoreConfiguration(stateDirectory: path + "/state", directory: path + "/out")
    }

    func store(
        _ fileSystem: any FileSystem = LinuxFileSystem(), now: Int64 = 1_000_000_000,
        onFailure: @escaping @Sendable (StoreError) -> Void = { _ in },
        onEvent: @escaping @Sendable (StoreEvent) -> Void = { _ in }
    ) throws(StoreError) -> Store {
        try Store(configuration, fileSystem: fileSystem, now: { now }, onFailure: onFailure, onEvent: onEvent)
    }

    func note(_ event: StoreEvent) { noted.withLock { $0.append(event) } }

    func journal() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: configuration.journal)) }

    func setJournal(_ bytes: Data) throws { try bytes.write(to: URL(fileURLWithPath: configuration.journal)) }

    func output(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path + "/out/" + name)), as: UTF8.self)
    }

    func append(_ text: String, toOutput name: String, isNew: Bool = false) throws {
        if isNew { try Data().write(to: URL(fileURLWithPath: path + "/out/" + name)) }
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path + "/out/" + name))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
    }
}

/// What a writer's callbacks said.
final class Acknowledgements: Sendable {
    private let all = Mutex<[UInt64]>([])
    private let failed = Mutex<[StoreError]>([])

    var offsets: [UInt64] { all.withLock { $0 } }
    var failures: [StoreError] { failed.withLock { $0 } }
    func add(_ offset: UInt64) { all.withLock { $0.append(offset) } }
    func fail(_ error: StoreError) { failed.withLock { $0.append(error) } }
}

extension OutputTarget {
    static func bytes(_ name: String) -> Self { Self(location: .beneath(components: parts(name)), framing: .bytes) }
    static func lines(_ name: String) -> Self { Self(location: .beneath(components: parts(name)), framing: .lines) }

    private static func parts(_ name: String) -> [[UInt8]] { name.split(separator: "/").map { Array($0.utf8) } }
}

extension FileKey {
    static func file(_ token: String) throws -> Self {
        guard let file = FileToken(token) else { throw CocoaError(.coderInvalidValue) }
        return FileKey(host: "web1", file: file)
    }
}

extension Store {
    func open(
        _ target: OutputTarget, _ token: String?, from offset: UInt64 = 0, endsFile: Bool = false,
        _ acknowledgements: Acknowledgements = Acknowledgements()
    ) throws -> OutputWriter {
        try open(
            target, key: try token.map(FileKey.file), startOffset: offset, endsFile: endsFile,
            onCommit: { acknowledgements.add($0) }, onFailure: { acknowledgements.fail($0) })
    }

    func offset(_ token: String) throws -> UInt64? { committedPosition(of: try .file(token))?.offset }
}

extension OutputWriter {
    func append(_ text: String) throws(StoreError) { try append(Array(text.utf8).span.bytes) }
}
