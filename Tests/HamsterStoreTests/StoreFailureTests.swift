import Foundation
import Glibc
import HamsterCore
import HamsterFiles
import HamsterStore
import Testing

@Suite(.timeLimit(.minutes(5))) struct StoreFailureTests {
    let scene: StoreScene
    let fileSystem = FaultyFileSystem()
    let reports = Acknowledgements()

    init() throws { scene = try StoreScene() }

    func store() throws(StoreError) -> Store {
        let reports = reports
        return try scene.store(fileSystem) { reports.fail($0) }
    }

    @Test func `a full disk fails its output, what came before is committed, and others go on`() throws {
        let (first, second) = (Acknowledgements(), Acknowledgements())
        let store = try store()
        let a = try store.open(.bytes("a"), "a", first)
        let b = try store.open(.bytes("b"), "b", second)
        try a.append("before")
        fileSystem.set(.error(.append, pathSuffix: "/a", code: ENOSPC))
        let error = #expect(throws: StoreError.self) { try a.append("full") }
        try b.append("fine")
        fileSystem.set(nil)
        #expect(throws: StoreError.self) { try a.append("still failed") }
        try store.commit()

        #expect(error?.code == .output)
        #expect(error?.cause?.isFull == true)
        #expect(first.offsets == [6])
        #expect(second.offsets == [4])
        a.close()
        let again = try store.open(.bytes("a"), "a")
        #expect(again.start.offset == 6)
        try again.append("after")
        store.close()
        #expect(try scene.output("a") == "beforeafter")
    }

    @Test func `a journal is written anew at each start, since an earlier sync of it may have failed`() throws {
        do {
            let store = try store()
            let writer = try store.open(.bytes("a"), "a")
            try writer.append("before")
            fileSystem.set(.error(.synchronize, pathSuffix: "/journal", code: EIO))
            #expect(throws: StoreError.self) { try store.commit() }
        }
        fileSystem.set(nil)
        let rewritten = fileSystem.count(.replace)

        let again = try store()

        #expect(fileSystem.count(.replace) == rewritten + 1)
        #expect(try again.offset("a") == 6)
    }

    @Test func `an output is not cut back below what a failed commit may have left in the journal`() throws {
        do {
            let store = try store()
            let writer = try store.open(.bytes("a"), "a")
            try writer.append("before")
            fileSystem.set(.error(.synchronize, pathSuffix: "/journal", code: EIO))
            #expect(throws: StoreError.self) { try store.commit() }
            fileSystem.set(.error(.synchronize, pathSuffix: "/a", code: EIO))
            try store.commit()
        }

        let again = try scene.store()

        #expect(reports.failures.map(\.code) == [.lost])
        #expect(try scene.output("a") == "")
        #expect(try again.offset("a") == nil)
    }

    @Test func `a failed output is opened anew even before the next commit`() throws {
        let store = try store()
        let a = try store.open(.bytes("a"), "a")
        try a.append("before")
        fileSystem.set(.error(.append, pathSuffix: "/a", code: ENOSPC))
        #expect(throws: StoreError.self) { try a.append("full") }
        fileSystem.set(nil)

        let other = try store.open(.bytes("a"), "b")
        try other.append("!")
        #expect(try store.offset("a") == 6)
        #expect(try scene.output("a") == "before!")
    }

    @Test func `torn bytes that could not be cut off are cut off when the output is opened again`() throws {
        let store = try store()
        let a = try store.open(.bytes("a"), "a")
        try a.append("before")
        fileSystem.set(.torn(pathSuffix: "/a"))
        #expect(throws: StoreError.self) { try a.append("torn") }
        fileSystem.set(nil)
        a.close()
        #expect(try scene.output("a") == "beforeto")

        let again = try store.open(.bytes("a"), "a")
        try again.append("after")
        #expect(again.start.offset == 6)
        #expect(try scene.output("a") == "beforeafter")
    }

    @Test(arguments: [false, true])
    func `what was cut off after a failure is so on disk before the output is written to or put aside`(
        isCutAtOnce: Bool
    ) throws {
        let store = try store()
        let a = try store.open(.bytes("a"), "a")
        try a.append("before")
        try store.commit()
        fileSystem.set(isCutAtOnce ? .error(.synchronize, pathSuffix: "/a", code: EIO) : .torn(pathSuffix: "/a"))
        if isCutAtOnce { try a.append("lost") } else { #expect(throws: StoreError.self) { try a.append("torn") } }
        try store.commit()
        fileSystem.set(nil)
        a.close()

        let syncs = fileSystem.count(.synchronize)
        let again = try store.open(.bytes("a"), "a")
        #expect(fileSystem.count(.synchronize) == syncs + 1)
        #expect(try scene.output("a") == "before")
        again.close()
        _ = try store.open(.bytes("a"), "a")
        #expect(fileSystem.count(.synchronize) == syncs + 1, "once is enough")
    }

    @Test func `other writers of a failed output are told`() throws {
        let told = Acknowledgements()
        let store = try store()
        let a = try store.open(.lines("all"), "a")
        let b = try store.open(.lines("all"), "b", told)
        fileSystem.set(.error(.append, pathSuffix: "/all", code: EIO))
        #expect(throws: StoreError.self) { try a.append("line\n") }

        #expect(told.failures.map(\.code) == [.output])
        #expect(b.position == 0)
    }

    @Test func `after a failed sync the output is cut back to its last commit, and its writers are told`() throws {
        let (first, second) = (Acknowledgements(), Acknowledgements())
        let store = try store()
        let a = try store.open(.bytes("a"), "a", first)
        let b = try store.open(.bytes("b"), "b", second)
        try a.append("kept")
        try store.commit()
        try a.append("lost")
        try b.append("fine")
        fileSystem.set(.error(.synchronize, pathSuffix: "/a", code: EIO))
        try store.commit()
        fileSystem.set(nil)

        #expect(try scene.output("a") == "kept")
        #expect(first.offsets == [4])
        #expect(first.failures.map(\.code) == [.lost])
        #expect(reports.failures.map(\.code) == [.lost])
        #expect(second.offsets == [4])
        #expect(store.uncommittedBytes == 0)
        #expect(throws: StoreError.self) { try a.append("x") }
        a.close()
        let again = try store.open(.bytes("a"), "a")
        #expect(again.start.offset == 4)
        try again.append("again")
        try store.commit()
        #expect(try scene.output("a") == "keptagain")
    }

    @Test func `lost bytes that could not be cut off are cut off when the output is opened again`() throws {
        let store = try store()
        let a = try store.open(.bytes("a"), "a")
        try a.append("kept")
        try store.commit()
        try a.append("lost")
        fileSystem.set(.crash(atStep: fileSystem.stepCount + 1, isDone: false))
        try store.commit()
        fileSystem.set(nil)
        #expect(reports.failures.map(\.code) == [.lost])
        #expect(try scene.output("a") == "keptlost")

        a.close()
        let again = try store.open(.bytes("a"), "a")
        try again.append("more")
        #expect(try scene.output("a") == "keptmore")
    }

    @Test(arguments: [FaultyFileSystem.Step.append, .synchronize])
    func `a journal that can't be written acknowledges nothing, and the next commit all`(
        _ step: FaultyFileSystem.Step
    ) throws {
        let acknowledgements = Acknowledgements()
        let store = try store()
        let a = try store.open(.bytes("a"), "a", acknowledgements)
        try a.append("one")
        fileSystem.set(.error(step, pathSuffix: "/journal", code: ENOSPC))
        let error = #expect(throws: StoreError.self) { try store.commit() }
        #expect(throws: StoreError.self) { try store.open(.bytes("new"), "new") }
        #expect(error?.code == .journal)
        #expect(acknowledgements.offsets == [])
        try a.append("two")
        fileSystem.set(nil)
        try store.commit()

        #expect(acknowledgements.offsets == [6])
        store.close()
        #expect(try scene.store().offset("a") == 6)
    }

    @Test func `a directory that can't be synchronized loses the outputs that are new in it`() throws {
        let (bad, good) = (Acknowledgements(), Acknowledgements())
        let store = try store()
        fileSystem.set(.error(.directory, pathSuffix: "/bad", code: EIO))
        try store.open(.bytes("bad/a"), "a", bad).append("x")
        try store.open(.bytes("good/a"), "b", good).append("x")
        try store.commit()
        fileSystem.set(nil)

        #expect(bad.offsets == [])
        #expect(bad.failures.map(\.code) == [.lost])
        #expect(good.offsets == [1])
        let again = try store.open(.bytes("bad/a"), "a")
        try again.append("y")
        try store.commit()
        #expect(try scene.output("bad/a") == "y")
    }

    @Test func `a directory is synchronized once for many new outputs, and not again for known ones`() throws {
        let store = try store()
        let writers = try (0..<10).map { try store.open(.bytes("web1/\($0)"), "\($0)") }
        for writer in writers { try writer.append("x") }
        try store.commit()
        #expect(fileSystem.count(.directory) == 2)

        for writer in writers { writer.close() }
        try store.commit()
        try store.open(.bytes("web1/0"), "0").append("y")
        try store.commit()
        #expect(fileSystem.count(.directory) == 2)
    }
}
