internal import Synchronization

/// Bounds how many files are open for reading at once: the one that was not used for longest is closed first, and
/// opened again when its turn comes. Any thread may use it.
package final class OpenFileBudget: Sendable {
    private struct Entry {
        weak var file: TailedFile?
    }

    private struct State {
        /// In the order in which they were opened; `start` is where the living ones begin.
        var entries: [Entry] = []
        var start = 0
    }

    /// How many files are looked at to find one that may be closed.
    private static let attemptsMax = 64

    package let filesMax: Int
    private let state = Mutex(State())
    private let openCount = Atomic<Int>(0)

    /// `filesMax`: more are open only where none of them can be closed, because they are being sent or have no name.
    package init(filesMax: Int) { self.filesMax = max(1, filesMax) }

    /// Files that are open at present.
    package var count: Int { openCount.load(ordering: .relaxed) }

    /// A file was opened: another one may have to be closed for it.
    func opened(_ file: TailedFile) {
        openCount.add(1, ordering: .relaxed)
        state.withLock { $0.entries.append(Entry(file: file)) }
        // A rotated file may be removed at any time: it is closed where no other is found.
        close(around: file, evenRotated: false)
        close(around: file, evenRotated: true)
    }

    private func close(around file: TailedFile, evenRotated: Bool) {
        var attempts = 0
        while count > filesMax, attempts < Self.attemptsMax, let candidate = next(after: file) {
            attempts += 1
            if !candidate.closeIfUnused(evenRotated: evenRotated) {
                state.withLock { $0.entries.append(Entry(file: candidate)) }
            }
        }
    }

    func closed() { openCount.subtract(1, ordering: .relaxed) }

    private func next(after file: TailedFile) -> TailedFile? {
        state.withLock { state in
            while state.start < state.entries.count {
                let candidate = state.entries[state.start].file
                state.start += 1
                if state.start > 1_024, state.start > state.entries.count / 2 {
                    state.entries.removeFirst(state.start)
                    state.start = 0
                }
                guard let candidate, candidate.isOpen else { continue }
                if candidate !== file { return candidate }
                state.entries.append(Entry(file: candidate))
                return nil
            }
            return nil
        }
    }
}
