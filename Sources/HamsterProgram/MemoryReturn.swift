private import Glibc
internal import ServiceLifecycle

/// Gives memory that work has left free back to the system, once the program rests.
///
/// glibc keeps what was freed for the next allocation, and each of its arenas only shrinks from its end: after a first look
/// at thousands of files, or as many connections at once, more than half of the memory would stay with a program that does
/// nothing. Not during work, since what is given back has to be got again, zeroed, page by page.
struct MemoryReturn: Service {
    private let interval: Duration
    private let processorTime: @Sendable () -> Duration
    private let giveBack: @Sendable () -> Void

    init(
        every interval: Duration = WorkAndRest.interval,
        processorTime: @escaping @Sendable () -> Duration = MemoryReturn.processorTime,
        giveBack: @escaping @Sendable () -> Void = Heap.giveBack
    ) {
        self.interval = interval
        self.processorTime = processorTime
        self.giveBack = giveBack
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var work = WorkAndRest()
            while (try? await Task.sleep(for: interval)) != nil {
                if work.hasComeToRest(at: processorTime()) { giveBack() }
            }
        }
    }

    /// Of the whole process since its start.
    static func processorTime() -> Duration {
        var time = timespec()
        // Fails for no clock that every Linux has.
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
