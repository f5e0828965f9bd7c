import Testing

@testable import HamsterClient

@Suite struct SendPaceTests {
    @Test func `who sends seldom never waits`() {
        var pace = SendPace(interval: .milliseconds(10))
        for line in 0..<1_000 {
            // As often as the interval allows, give or take five milliseconds.
            let now: Duration = .milliseconds(10 * line + (line % 2 == 0 ? 5 : 0))
            #expect(pace.delay(at: now) == .zero)
            pace.sent(at: now)
        }
    }

    @Test func `who sends all the time sends once in an interval in the long run`() {
        var pace = SendPace(interval: .milliseconds(10))
        var now: Duration = .zero
        for _ in 0..<1_000 {
            now += pace.delay(at: now)
            pace.sent(at: now)
        }
        #expect(now == .milliseconds(10 * (1_000 - SendPace.burstMax)))
    }

    @Test func `a bulk of data makes what comes next wait for one interval, not for many`() {
        var pace = SendPace(interval: .milliseconds(10))
        for _ in 0..<1_000 { pace.sent(at: .zero) }
        #expect(pace.delay(at: .zero) == .milliseconds(10))
    }

    @Test(arguments: [(1_000, 1), (100, 1), (80, 2), (10, 16), (1, 16)])
    func `of a long interval little goes at once`(milliseconds: Int, burst: Int) {
        var pace = SendPace(interval: .milliseconds(milliseconds))
        var count = 0
        while pace.delay(at: .zero) == .zero {
            pace.sent(at: .zero)
            count += 1
        }
        #expect(count == burst)
    }
}
