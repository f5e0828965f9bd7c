import HamsterTesting
import Synchronization
import Testing

@testable import HamsterClient

@Suite(.timeLimit(.minutes(5))) struct ConnectionSlotsTests {
    /// What happened, in order.
    final class Events: Sendable {
        private let all = Mutex<[String]>([])
        var seen: [String] { all.withLock { $0 } }
        func add(_ event: String) { all.withLock { $0.append(event) } }
    }

    let events = Events()

    private func held(_ slots: ConnectionSlots, _ count: Int) async throws -> [ConnectionSlots.Slot] {
        var held: [ConnectionSlots.Slot] = []
        for _ in 0..<count { held.append(try #require(await slots.acquire())) }
        return held
    }

    /// Makes each of `held` idle, so that every waiter makes one of them be asked to give up its place.
    private func makeIdle(_ held: [ConnectionSlots.Slot]) {
        for slot in held {
            slot.onWanted { [events] in events.add("asked") }
            slot.setIdle(true)
        }
    }

    @Test func `places are granted at once while there are any, and then when one is given back`() async throws {
        let slots = ConnectionSlots(slotsMax: 2)
        let held = try await held(slots, 2)
        #expect(!held[0].isContended)
        let waiter = Task { await slots.acquire() }
        try await eventually("a waiter") { held[0].isContended }

        held[1].release()
        #expect(await waiter.value != nil)
        #expect(!held[0].isContended)
    }

    @Test func `who came first is served first`() async throws {
        let slots = ConnectionSlots(slotsMax: 3)
        let held = try await held(slots, 3)
        makeIdle(held)
        var waiters: [Task<Void, Never>] = []
        for number in 0..<3 {
            waiters.append(
                Task { [events] in
                    let slot = await slots.acquire()
                    events.add("granted \(number)")
                    slot?.release()
                })
            try await eventually("waiter \(number)") { events.seen.count == number + 1 }
        }
        held[0].release()
        for waiter in waiters { await waiter.value }

        #expect(events.seen == ["asked", "asked", "asked", "granted 0", "granted 1", "granted 2"])
    }

    @Test func `a place that is given back twice is one place`() async throws {
        let slots = ConnectionSlots(slotsMax: 1)
        let first = try await held(slots, 1)[0]
        first.release()
        first.release()
        let second = try await held(slots, 1)[0]
        let waiter = Task { await slots.acquire() }
        try await eventually("a waiter") { second.isContended }
        first.release()
        #expect(second.isContended)
        second.release()
        #expect(await waiter.value != nil)
    }

    @Test func `who is cancelled gets nothing, and stands in nobody's way`() async throws {
        let slots = ConnectionSlots(slotsMax: 1)
        let held = try await held(slots, 1)[0]
        let cancelled = Task { await slots.acquire() }
        try await eventually("a waiter") { held.isContended }
        cancelled.cancel()
        #expect(await cancelled.value == nil)
        #expect(!held.isContended)

        let early = Task {
            while !Task.isCancelled { await Task.yield() }
            return await slots.acquire()
        }
        early.cancel()
        #expect(await early.value == nil)
        held.release()
        #expect(await slots.acquire() != nil)
    }

    @Test func `an idle stream is asked for its place when somebody waits, once`() async throws {
        let slots = ConnectionSlots(slotsMax: 1)
        let held = try await held(slots, 1)
        makeIdle(held)
        #expect(events.seen == [])
        let first = Task { await slots.acquire() }
        try await eventually("the question") { events.seen == ["asked"] }
        let second = Task { await slots.acquire() }
        second.cancel()
        _ = await second.value
        #expect(events.seen == ["asked"])

        held[0].release()
        #expect(await first.value != nil)
    }

    @Test func `a busy stream is asked as soon as it is idle`() async throws {
        let slots = ConnectionSlots(slotsMax: 1)
        let held = try await held(slots, 1)[0]
        held.onWanted { [events] in events.add("asked") }
        let waiter = Task { await slots.acquire() }
        try await eventually("a waiter") { held.isContended }
        #expect(events.seen == [])
        held.setIdle(false)
        #expect(events.seen == [])
        held.setIdle(true)
        #expect(events.seen == ["asked"])

        held.release()
        #expect(await waiter.value != nil)
    }
}

@Suite(.timeLimit(.minutes(5))) struct WakeSignalTests {
    let signal = WakeSignal()

    @Test func `a flag that is raised before is seen, and counts once`() async {
        signal.raise()
        signal.raise()
        await signal.wait()
        let elapsed = await ContinuousClock().measure { await signal.wait(atMost: .milliseconds(20)) }
        #expect(elapsed >= .milliseconds(20))
    }

    @Test func `who waits is woken, by the signal or by cancellation`() async {
        let waiter = Task { await signal.wait() }
        signal.raise()
        await waiter.value

        let cancelled = Task { await WakeSignal().wait() }
        cancelled.cancel()
        await cancelled.value
    }

    @Test func `a bounded wait ends with the signal, too`() async {
        let waiter = Task { await signal.wait(atMost: .seconds(3_600)) }
        signal.raise()
        await waiter.value
    }
}
