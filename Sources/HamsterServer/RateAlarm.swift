internal import HamsterRateLimit
internal import NIOCore
internal import Synchronization

/// Wakes the rate limiter, once the server has an event loop to do that on.
final class RateAlarm: Sendable {
    private let start = ContinuousClock.now
    private let loop = Mutex<(any EventLoop)?>(nil)

    /// From now on alarms go off. Before, no stream is open that could wait for one.
    func start(on loop: any EventLoop) { self.loop.withLock { $0 = loop } }

    var scheduling: RateLimiter.Scheduling {
        RateLimiter.Scheduling(now: { [start] in .now - start }) { [self] delay, wake in
            loop.withLock { $0 }?.scheduleTask(in: TimeAmount(delay)) { wake() }
        }
    }
}
