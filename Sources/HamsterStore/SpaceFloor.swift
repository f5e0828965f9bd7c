internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

/// Whether file systems have as much free space as is to stay free. Each is asked at most once in an interval, however
/// many outputs it has; between two questions it may fall below the floor by what is written meanwhile.
final class SpaceFloor: Sendable {
    private struct Answer {
        var isLow: Bool
        var at: ContinuousClock.Instant
    }

    /// A file system, or an output, asks no more often.
    let interval: Duration

    /// In bytes.
    private let bytesMin: UInt64
    private let onEvent: @Sendable (StoreEvent) -> Void
    /// By device.
    private let answers = Mutex<[UInt64: Answer]>([:])

    /// Nil where there is no floor.
    init?(bytesMin: UInt64, interval: Duration, onEvent: @escaping @Sendable (StoreEvent) -> Void) {
        guard bytesMin > 0 else { return nil }
        self.bytesMin = bytesMin
        self.interval = interval
        self.onEvent = onEvent
    }

    /// Throws where there is less space; a file system that can't be asked has enough.
    func check(_ file: any OutputFileHandle, on device: UInt64, _ path: SourcePath) throws(FileError) {
        let now = ContinuousClock.now
        let known = answers.withLock { $0[device] }
        let isLow: Bool
        if let known, now - known.at < interval {
            isLow = known.isLow
        } else {
            isLow = ask(file, device, path, now)
        }
        if isLow { throw FileError(.append, path, code: FileError.fullCode, refusal: .reserved(bytes: bytesMin)) }
    }

    private func ask(
        _ file: any OutputFileHandle, _ device: UInt64, _ path: SourcePath, _ now: ContinuousClock.Instant
    ) -> Bool {
        let free = (try? file.freeSpace()) ?? .max
        let isLow = free < bytesMin
        let wasLow = answers.withLock { $0.updateValue(Answer(isLow: isLow, at: now), forKey: device) }?.isLow ?? false
        if isLow, !wasLow { onEvent(.spaceIsLow(path, free: free, floor: bytesMin)) }
        if wasLow, !isLow { onEvent(.spaceIsBack(path, free: free)) }
        return isLow
    }
}
