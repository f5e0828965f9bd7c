internal import Synchronization

/// Calls back at a time that seldom changes. A wait with a time limit of its own costs three tasks, each time.
///
/// Any thread may use it. Whoever makes it cancels it.
final class WakeAlarm: Sendable {
    private struct Setting {
        var time: ContinuousClock.Instant
        var sleeper: Task<Void, Never>
    }

    private let wake: @Sendable () -> Void
    private let setting = Mutex<Setting?>(nil)

    init(_ wake: @escaping @Sendable () -> Void) { self.wake = wake }

    /// Instead of any other time. One that has come calls back once.
    func set(for time: ContinuousClock.Instant) {
        setting.withLock { setting in
            guard setting?.time != time else { return }
            setting?.sleeper.cancel()
            let sleeper = Task {
                // A cancelled sleep means another time, or none.
                guard (try? await Task.sleep(until: time, clock: .continuous)) != nil else { return }
                self.ring(time)
            }
            setting = Setting(time: time, sleeper: sleeper)
        }
    }

    private func ring(_ time: ContinuousClock.Instant) {
        setting.withLock { if $0?.time == time { $0 = nil } }
        wake()
    }

    func cancel() {
        setting.withLock { setting in
            setting?.sleeper.cancel()
            setting = nil
        }
    }
}
