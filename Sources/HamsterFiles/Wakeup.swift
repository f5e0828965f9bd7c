internal import CLinux
internal import Glibc
internal import HamsterCore

/// Lets one thread sleep until another wakes it, or until a time has passed. A wake-up before the sleep is kept.
package final class Wakeup: Sendable {
    private let descriptor: Descriptor

    /// Throws where the process has no descriptor left.
    package init() throws(FileError) {
        let number = try systemCall(.open, SourcePath("eventfd")) {
            eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        }
        descriptor = Descriptor(owning: number)
    }

    /// Wakes the sleeper, now or when it next goes to sleep. Never blocks; callable from any thread.
    package func wake() {
        var one: UInt64 = 1
        // The counter being full (EAGAIN) means as much as a wake-up that is waiting.
        while write(descriptor.number, &one, 8) < 0, errno == EINTR {}
    }

    /// Blocks the thread until a wake-up, at most for `timeout` (nil: for ever). True: it was a wake-up.
    package func wait(timeout: Duration?) -> Bool {
        let isReady = waitUntilReadable(nil, timeout: timeout).isWoken
        if isReady {
            var count: UInt64 = 0
            while read(descriptor.number, &count, 8) < 0, errno == EINTR {}
        }
        return isReady
    }

    /// Blocks until a wake-up, which is kept, or until the other descriptor has something to read. An interrupted wait
    /// begins anew with its whole timeout, which only ever makes it longer.
    func waitUntilReadable(_ other: Int32?, timeout: Duration?) -> (isWoken: Bool, isOtherReadable: Bool) {
        var polled = [pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)]
        if let other { polled.append(pollfd(fd: other, events: Int16(POLLIN), revents: 0)) }
        while poll(&polled, nfds_t(polled.count), timeout.map(Self.milliseconds) ?? -1) < 0, errno == EINTR {}
        return (polled[0].revents != 0, polled.count > 1 && polled[1].revents != 0)
    }

    /// Rounded up, so that a wait never ends before its time and then spins.
    private static func milliseconds(_ duration: Duration) -> Int32 {
        guard duration > .zero else { return 0 }
        let (seconds, attoseconds) = duration.components
        guard seconds < 1_000_000 else { return .max }
        return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

/// Runs blocking work on a thread of its own, off the cooperative pool, and waits for its end. Throws EAGAIN where no
/// thread can be made.
package func withDedicatedThread(_ work: @escaping @Sendable () -> Void) async throws(FileError) {
    let code = await withCheckedContinuation { (continuation: CheckedContinuation<Int32, Never>) in
        let code = startDetachedThread {
            work()
            continuation.resume(returning: 0)
        }
        if code != 0 { continuation.resume(returning: code) }
    }
    if code != 0 { throw FileError(.open, SourcePath("thread"), code: code) }
}

/// Runs the same work on the calling thread and on `count - 1` others, and waits for all to end. Fewer threads run it
/// where no more can be made.
func runOnThreads(_ count: Int, _ work: @Sendable () -> Void) {
    withoutActuallyEscaping(work) { work in
        var threads: [pthread_t] = []
        for _ in 1..<max(1, count) {
            guard case .success(let thread) = startThread(work) else { break }
            threads.append(thread)
        }
        work()
        for thread in threads { pthread_join(thread, nil) }
    }
}

/// Runs work on another thread and waits for its end. Where none can be made the work is not done.
func runOnOneThread(_ work: @Sendable () -> Void) {
    withoutActuallyEscaping(work) { work in
        if case .success(let thread) = startThread(work) { pthread_join(thread, nil) }
    }
}

/// Starts a thread that nobody joins; 0, or an errno.
func startDetachedThread(_ work: @escaping @Sendable () -> Void) -> Int32 {
    switch startThread(work) {
    case .success(let thread):
        pthread_detach(thread)
        return 0
    case .failure(let error): return error.code
    }
}

/// Starts a thread, to be joined or detached.
private func startThread(_ work: @escaping @Sendable () -> Void) -> Result<pthread_t, FileError> {
    let retained = Unmanaged.passRetained(ThreadWork(run: work))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { pointer in
            guard let pointer else { return nil }
            Unmanaged<ThreadWork>.fromOpaque(pointer).takeRetainedValue().run()
            return nil
        }, retained.toOpaque())
    guard code != 0 else { return .success(thread) }
    retained.release()
    return .failure(FileError(.open, SourcePath("thread"), code: code))
}

private final class ThreadWork: Sendable {
    let run: @Sendable () -> Void

    init(run: @escaping @Sendable () -> Void) { self.run = run }
}
