import Synchronization
import Testing

@testable import HamsterServer

struct DayFollowerTests {
    /// 2024-02-29 00:00:00 UTC.
    private static let midnight: Int64 = 1_709_164_800

    @Test func `the day ends at midnight UTC, and not a second earlier or later`() async {
        let looks = await looks(from: Self.midnight - 90, count: 4)

        #expect(looks == [.init(-90), .init(-30), .init(0, isNewDay: true), .init(60)])
    }

    @Test func `a clock that is set is followed within a minute`() async {
        let forward = await looks(from: Self.midnight - 7_200, count: 3, jump: 86_400)
        let back = await looks(from: Self.midnight + 7_200, count: 3, jump: -86_400)

        #expect(forward.map(\.isNewDay) == [false, true, false])
        #expect(back.map(\.isNewDay) == [false, true, false])
    }

    private struct Look: Hashable {
        /// In seconds from midnight.
        var time: Int64
        var isNewDay = false

        init(_ time: Int64, isNewDay: Bool = false) {
            self.time = time
            self.isNewDay = isNewDay
        }
    }

    /// The first `count` looks, by a clock that only goes on while the follower sleeps; `jump`: set during the first sleep.
    private func looks(from start: Int64, count: Int, jump: Int64 = 0) async -> [Look] {
        let scene = Scene(start, jump)
        let follower = DayFollower(now: { scene.now }, sleep: { scene.advance(by: $0) })
        let running = Task {
            await follower.run(
                onNewDay: scene.noteNewDay,
                onLook: {
                    if scene.noteLook() == count { withUnsafeCurrentTask { $0?.cancel() } }
                })
        }
        await running.value
        return scene.looks.map { Look($0.time - Self.midnight, isNewDay: $0.isNewDay) }
    }
}

/// A clock, and what was told by it.
private final class Scene: Sendable {
    private struct State {
        var now: Int64
        var jump: Int64
        var isNewDay = false
        var looks: [(time: Int64, isNewDay: Bool)] = []
    }

    private let state: Mutex<State>

    init(_ now: Int64, _ jump: Int64) { state = Mutex(State(now: now, jump: jump)) }

    var now: Int64 { state.withLock { $0.now } }

    var looks: [(time: Int64, isNewDay: Bool)] { state.withLock { $0.looks } }

    func advance(by duration: Duration) {
        state.withLock { state in
            state.now += duration.components.seconds + state.jump
            state.jump = 0
        }
    }

    func noteNewDay() { state.withLock { $0.isNewDay = true } }

    /// Returns how many looks there were.
    func noteLook() -> Int {
        state.withLock { state in
            state.looks.append((state.now, state.isNewDay))
            state.isNewDay = false
            return state.looks.count
        }
    }
}
