import Glibc
import HamsterClient
import HamsterProgram
import ServiceLifecycle
import Synchronization

/// Shows how far `send` is: a bar on a terminal, a plain line now and then elsewhere.
final class ProgressDisplay: Service {
    private static let barInterval: Duration = .milliseconds(200)
    private static let lineInterval: Duration = .seconds(10)
    private static let barWidth = 30

    private let progress: ShippingProgress
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let start = ContinuousClock.now
    private let hasDrawn = Mutex(false)

    init(_ progress: ShippingProgress) { self.progress = progress }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: isTerminal ? Self.barInterval : Self.lineInterval)
                } catch {
                    return
                }
                show(progress.snapshot)
            }
        }
    }

    /// The last word, on a line of its own.
    func finish() {
        let result = progress.snapshot
        if hasDrawn.withLock({ $0 }) { writeToStandardError("\r\u{1B}[K") }
        print(
            "\(result.filesDelivered) of \(result.files) files, \(ByteSize.text(result.bytesAcknowledged)) acknowledged, "
                + "\(ByteSize.text(rate(result)))/s")
    }

    private func show(_ snapshot: ShippingProgress.Snapshot) {
        guard snapshot.files > 0 else { return }
        guard isTerminal else {
            writeToStandardError(
                "\(snapshot.filesDelivered) of \(snapshot.files) files, \(ByteSize.text(snapshot.bytesAcknowledged)) of "
                    + "\(ByteSize.text(snapshot.bytes)), \(ByteSize.text(rate(snapshot)))/s, \(remaining(snapshot)) left\n"
            )
            return
        }
        hasDrawn.withLock { $0 = true }
        let share = snapshot.bytes == 0 ? 1 : Double(snapshot.bytesAcknowledged) / Double(snapshot.bytes)
        let filled = Int(share * Double(Self.barWidth))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.barWidth - filled)
        writeToStandardError(
            "\r[\(bar)] \(Int(share * 100)) %  \(ByteSize.text(snapshot.bytesAcknowledged)) of \(ByteSize.text(snapshot.bytes))  "
                + "\(ByteSize.text(rate(snapshot)))/s  \(remaining(snapshot)) left\u{1B}[K")
    }

    /// Bytes a second since the start.
    private func rate(_ snapshot: ShippingProgress.Snapshot) -> UInt64 {
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        return elapsed > 0 ? UInt64(Double(snapshot.bytesAcknowledged) / elapsed) : 0
    }

    private func remaining(_ snapshot: ShippingProgress.Snapshot) -> String {
        let rate = rate(snapshot)
        guard rate > 0 else { return "?" }
        let seconds = (snapshot.bytes - min(snapshot.bytes, snapshot.bytesAcknowledged)) / rate
        let minutes = seconds / 60
        return minutes > 0 ? "\(minutes) min \(seconds % 60) s" : "\(seconds) s"
    }
}
