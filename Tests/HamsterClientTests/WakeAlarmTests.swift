import HamsterTesting
import Testing

@testable import HamsterClient

@Suite(.timeLimit(.minutes(5))) struct WakeAlarmTests {
    private let signal = WakeSignal()
    private let alarm: WakeAlarm

    init() { alarm = WakeAlarm { [signal] in signal.raise() } }

    @Test func `it rings at its time, and once more when it is set once more`() async {
        let time = ContinuousClock.now + .milliseconds(5)
        for _ in 0..<3 {
            alarm.set(for: time)
            await signal.wait()
            #expect(.now >= time)
        }
    }

    @Test func `another time takes the place of the first`() async {
        alarm.set(for: .now + .seconds(3_600))
        let time = ContinuousClock.now + .milliseconds(5)
        alarm.set(for: time)
        await signal.wait()
        #expect(.now >= time)
    }
}
