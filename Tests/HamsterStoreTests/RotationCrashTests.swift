import HamsterCore
import HamsterFiles
import HamsterStore
import HamsterTesting
import Testing

/// Stops everything at each step of rotations in turn, starts again, and compares.
@Suite(.timeLimit(.minutes(5))) struct RotationCrashTests {
    struct Crash: Sendable {
        var isDone: Bool
        var cutsPower: Bool
        var names: RotationPolicy.Names
    }

    static let crashes = [
        Crash(isDone: false, cutsPower: false, names: .numbered),
        Crash(isDone: true, cutsPower: true, names: .numbered),
        Crash(isDone: true, cutsPower: false, names: .dated), Crash(isDone: false, cutsPower: true, names: .dated),
    ]

    private static let sources = [
        "a": (1...14).map { "a\($0) " }.joined(), "l1": (1...8).map { "x\($0)\n" }.joined(),
        "l2": (1...8).map { "y\($0)\n" }.joined(),
    ]

    private static func target(_ token: String, _ names: RotationPolicy.Names) -> OutputTarget {
        (token == "a" ? OutputTarget.bytes("a") : .lines("all")).rotated(size: 20, isCompressing: true, names: names)
    }

    private static func send(
        _ store: Store, _ told: [String: Acknowledgements], _ names: RotationPolicy.Names
    ) throws {
        var rests: [(writer: OutputWriter, rest: Substring)] = []
        for (token, source) in sources.sorted(by: { $0.key < $1.key }) {
            let writer = try store.open(
                target(token, names), token, endsFile: true, told[token] ?? Acknowledgements())
            rests.append((writer, source.dropFirst(Int(writer.start.offset))))
        }
        var round = 0
        while rests.contains(where: { !$0.rest.isEmpty }) {
            for index in rests.indices {
                try rests[index].writer.append(String(rests[index].rest.prefix(9)))
                rests[index].rest = rests[index].rest.dropFirst(9)
            }
            try store.commit()
            store.rotateDueOutputs()
            round += 1
            if round.isMultiple(of: 4) { store.tidyRotatedFiles() }
        }
        try store.rotate()
        store.tidyRotatedFiles()
    }

    private static func check(
        _ scene: StoreScene, _ store: Store, _ told: [String: Acknowledgements]
    ) throws {
        for (token, source) in sources {
            let offset = Int(try store.offset(token) ?? 0)
            #expect(offset >= Int(told[token]?.offsets.last ?? 0), "an acknowledged byte is unknown")
            let prefix = String(source.prefix(offset))
            if token == "a" {
                #expect(try scene.rotated("a") == prefix)
            } else {
                let mark = try #require(source.first)
                let lines = try scene.rotated("all").split(separator: "\n").filter { $0.first == mark }
                #expect(lines == prefix.split(separator: "\n"))
            }
        }
    }

    private static func run(_ crash: Crash, at step: Int) throws -> Bool {
        let scene = try StoreScene()
        let fileSystem = FaultyFileSystem(.crash(atStep: step, isDone: crash.isDone), syncs: false)
        let told = sources.mapValues { _ in Acknowledgements() }
        do {
            let store = try scene.store(fileSystem)
            try send(store, told, crash.names)
        } catch is StoreError {
            // The crash; where the last steps are of the rotation alone, nothing is thrown.
        }
        let isComplete = fileSystem.stepCount < step
        if crash.cutsPower { try fileSystem.cutPower() }
        let store = try scene.store(FaultyFileSystem(syncs: false))
        try check(scene, store, told)
        try send(store, told, crash.names)
        store.close()
        try check(scene, try scene.store(), told)
        let names = try scene.names()
        #expect(!names.contains { $0.hasSuffix(".part") }, "\(names)")
        return isComplete
    }

    @Test(arguments: crashes)
    func `whatever step a crash stops at, each byte is in one file, and all arrive once`(crash: Crash) throws {
        var step = 1
        while try !Self.run(crash, at: step) { step += 1 }

        #expect(step > 40)
    }

    /// A step that fails, and a process that goes on.
    @Test(arguments: [FaultyFileSystem.Step.rename, .remove], ["/a", "/a.1", "/all.2", "/a.gz.part"])
    func `a step that keeps failing costs nothing but the rotation`(
        step: FaultyFileSystem.Step, pathSuffix: String
    ) throws {
        let scene = try StoreScene()
        let told = Self.sources.mapValues { _ in Acknowledgements() }
        let fileSystem = FaultyFileSystem(.error(step, pathSuffix: pathSuffix, code: 5))
        let store = try scene.store(fileSystem)
        try Self.send(store, told, .numbered)
        try Self.check(scene, store, told)
        fileSystem.set(nil)
        try Self.send(store, told, .numbered)
        try Self.check(scene, store, told)

        for (token, source) in Self.sources { #expect(try store.offset(token) == UInt64(source.utf8.count)) }
    }
}
