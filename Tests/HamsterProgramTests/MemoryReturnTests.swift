import Foundation
import HamsterTesting
import Synchronization
import Testing

@testable import HamsterProgram

struct MemoryReturnTests {
    @Test func `memory is given back when the program has come to rest`() async throws {
        let (times, time) = AsyncStream.makeStream(of: Duration.self)
        let returns = Mutex<[Duration]>([])
        let now = Mutex(Duration.zero)
        let service = MemoryReturn(every: .milliseconds(1)) {
            now.withLock { $0 }
        } giveBack: {
            let worked = now.withLock { now in
                defer { now += .seconds(1) }
                return now
            }
            returns.withLock { $0.append(worked) }
            time.yield(worked)
        }

        now.withLock { $0 = .seconds(1) }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await service.run() }
            for await _ in times.prefix(2) {}
            tasks.cancelAll()
            try await tasks.waitForAll()
        }

        #expect(returns.withLock { $0.prefix(2) } == [.seconds(1), .seconds(2)])
    }

    @Test(.disabled(if: isSanitized, "the sanitizers have allocators of their own"))
    func `pages between others that are in use go back to the system`() async {
        await #expect(processExitsWith: .success) {
            let chunks = (0..<65_536).map { _ in UnsafeMutableRawPointer.allocate(byteCount: 1_024, alignment: 16) }
            for chunk in chunks { unsafe chunk.initializeMemory(as: UInt8.self, repeating: 1, count: 1_024) }
            // One in 64 stays, the last one among them: the heap can't shrink from its end.
            for (index, chunk) in chunks.enumerated() where index % 64 != 63 { unsafe chunk.deallocate() }
            let before = residentPages()

            Heap.giveBack()

            #expect(residentPages() < before / 2)
        }
    }
}

/// statm has them as its second number.
private func residentPages() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
}
