internal import HamsterFiles
internal import Synchronization

/// How far each input is behind. Any thread may ask; it looks at open files, so never on an event loop.
final class LagWatch: Sendable {
    /// One input's files together.
    struct Lag: Sendable, Hashable {
        var bytes: UInt64 = 0
        /// Of the oldest byte.
        var seconds: Int64 = 0
        /// What the input's deleted files have on disk as long as they are open here, in bytes.
        var deletedBytes: UInt64 = 0
    }

    private let marks = Mutex<[FileIdentity: LagMarks]>([:])

    /// Looks at all files; `now` in Unix seconds. By the inputs' labels.
    func look(at files: [FileMeasure], now: Int64) -> [String: Lag] {
        marks.withLock { marks in
            var current: [FileIdentity: LagMarks] = [:]
            var lags: [String: Lag] = [:]
            for file in files {
                var known = marks[file.identity] ?? LagMarks()
                let age = known.look(
                    size: file.size, acknowledged: file.acknowledged, modified: file.modified ?? now, now: now)
                current[file.identity] = known
                lags[file.input, default: Lag()].bytes += file.lag
                if file.isDeleted { lags[file.input, default: Lag()].deletedBytes += file.size }
                lags[file.input, default: Lag()].seconds = max(lags[file.input]?.seconds ?? 0, age)
            }
            marks = current
            return lags
        }
    }
}
