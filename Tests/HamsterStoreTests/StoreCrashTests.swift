import Foundation
import HamsterCore
import HamsterFiles
import HamsterStore
import Testing

/// Stops everything at each step of a run in turn, starts again, and compares.
@Suite(.timeLimit(.minutes(5))) struct StoreCrashTests {
    static let sources: [String: String] = [
        "a": "0123456789abcdefghij", "b": "the quick brown fox", "l1": "x1\nx2 long\nx3\n", "l2": "y1\ny2\n",
    ]

    static func target(_ token: String) -> OutputTarget {
        token.hasPrefix("l") ? .lines("lines/all") : .bytes("bytes/\(token)")
    }

    /// Sends what is missing of every source in pieces, with commits between them.
    static func send(_ store: Store, _ acknowledgements: [String: Acknowledgements], pieceSize: Int) throws {
        var rests: [(writer: OutputWriter, rest: Substring)] = []
        for (token, source) in sources.sorted(by: { $0.key < $1.key }) {
            let told = acknowledgements[token] ?? Acknowledgements()
            let writer = try store.open(target(token), token, endsFile: true, told)
            rests.append((writer, source.dropFirst(Int(writer.start.offset))))
        }
        while rests.contains(where: { !$0.rest.isEmpty }) {
            for index in rests.indices {
                try rests[index].writer.append(String(rests[index].rest.prefix(pieceSize)))
                rests[index].rest = rests[index].rest.dropFirst(pieceSize)
            }
            try store.commit()
        }
        for (writer, _) in rests { writer.close() }
        try store.commit()
    }

    /// What the outputs must be when the store says that streams have come so far.
    static func check(_ scene: StoreScene, _ store: Store, _ acknowledgements: [String: Acknowledgements]) throws {
        var lines: [String: [Substring]] = [:]
        for (token, source) in sources {
            let offset = Int(try store.offset(token) ?? 0)
            #expect(offset >= Int(acknowledgements[token]?.offsets.last ?? 0), "an acknowledged byte is unknown")
            let prefix = source.prefix(offset)
            if token.hasPrefix("l") {
                lines[String(prefix.prefix(1))] = prefix.split(separator: "\n")
            } else {
                let output = (try? scene.output("bytes/\(token)")) ?? ""
                #expect(output == prefix)
            }
            if offset > 0 {
                let tail = store.committedPosition(of: try .file(token))?.tail
                #expect(tail == SourceTail(prefix.utf8))
            }
        }
        let all = ((try? scene.output("lines/all")) ?? "").split(separator: "\n")
        #expect(all.filter { $0.hasPrefix("x") } == lines["x"] ?? [])
        #expect(all.filter { $0.hasPrefix("y") } == lines["y"] ?? [])
    }

    static func run(crashAt step: Int, isDone: Bool, cutsPower: Bool) throws -> Bool {
        let scene = try StoreScene()
        let fileSystem = FaultyFileSystem(.crash(atStep: step, isDone: isDone))
        let acknowledgements = sources.mapValues { _ in Acknowledgements() }
        var isComplete = false
        do {
            let store = try scene.store(fileSystem)
            try send(store, acknowledgements, pieceSize: 7)
            isComplete = true
        } catch is StoreError {
            // The crash.
        }
        if cutsPower { try fileSystem.cutPower() }
        let store = try scene.store()
        try check(scene, store, acknowledgements)
        try send(store, acknowledgements, pieceSize: 5)
        try check(scene, store, acknowledgements)
        for (token, source) in sources { #expect(try Int(store.offset(token) ?? 0) == source.utf8.count) }
        return isComplete
    }

    @Test(arguments: [false, true], [false, true])
    func `whatever step a crash stops at, lengths and positions agree, and all bytes arrive once`(
        isDone: Bool, cutsPower: Bool
    ) throws {
        var step = 1
        while try !Self.run(crashAt: step, isDone: isDone, cutsPower: cutsPower) { step += 1 }

        #expect(step > 20)
    }

    @Test func `with the kernel's word alone a crash of the process loses nothing`() throws {
        let scene = try StoreScene()
        var configuration = scene.configuration
        configuration.sync = .os
        let fileSystem = FaultyFileSystem()
        do {
            let store = try Store(configuration, fileSystem: fileSystem, now: { 0 })
            let writer = try store.open(.bytes("a"), "a")
            try writer.append("kept")
            try store.commit()
            try writer.append("lost")
        }

        #expect(fileSystem.count(.synchronize) == 0)
        #expect(fileSystem.count(.directory) == 0)
        #expect(try Store(configuration, fileSystem: fileSystem, now: { 0 }).offset("a") == 4)
        #expect(try scene.output("a") == "kept")
    }
}
