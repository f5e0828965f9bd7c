import Testing

@testable import HamsterClient

@Suite struct WorkQueueTests {
    @Test func `work comes in its order, and more of it only when some is done`() async {
        let queue = WorkQueue<Int>(stallMax: .seconds(3_600))
        for number in 1...3 { queue.add(number) }
        #expect(await queue.next(workersMax: 2) == 1)
        #expect(await queue.next(workersMax: 2) == 2)

        async let third = queue.next(workersMax: 2)
        queue.ended()

        #expect(await third == 3)
    }

    @Test func `work that gets nowhere does not keep the rest waiting`() async {
        let queue = WorkQueue<Int>(stallMax: .milliseconds(1))
        for number in 1...6 { queue.add(number) }
        for number in 1...6 { #expect(await queue.next(workersMax: 2) == number) }
    }

    @Test func `the end comes after the last work`() async {
        let queue = WorkQueue<Int>()
        queue.add(1)
        queue.finish()
        #expect(await queue.next(workersMax: 1) == 1)
        #expect(await queue.next(workersMax: 1) == nil)
    }

    @Test func `who waits for work hears of it, of the end, and of cancellation`() async throws {
        let queue = WorkQueue<Int>()
        async let work = queue.next(workersMax: 1)
        queue.add(1)
        #expect(await work == 1)
        queue.ended()
        async let end = queue.next(workersMax: 1)
        queue.finish()
        #expect(await end == nil)

        let waiting = Task { await WorkQueue<Int>().next(workersMax: 1) }
        waiting.cancel()
        #expect(await waiting.value == nil)
    }
}
