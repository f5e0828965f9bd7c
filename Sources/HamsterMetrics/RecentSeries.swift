internal import Synchronization

/// What peers have brought, by a name that they have chosen: a series each for those that were seen last, one for the rest.
///
/// Who is at work keeps its series. Where all of them are, a new name is counted with the rest until the next time that it
/// comes. No count is lost with a series, and none ever falls.
package final class RecentSeries: Sendable {
    /// The numbers of one name.
    package final class Series: Sendable {
        fileprivate let name: String
        private let count = Counter()
        private let last = Atomic<Int64>(0)

        fileprivate init(_ name: String) { self.name = name }

        /// Counts bytes that came at a time in Unix seconds.
        package func add(_ bytes: Int, at time: Int64) {
            count.add(UInt64(bytes))
            last.store(time, ordering: .relaxed)
        }

        fileprivate var snapshot: Snapshot {
            Snapshot(name: name, bytes: count.value, last: last.load(ordering: .relaxed))
        }

        fileprivate func absorb(_ other: Snapshot) {
            count.add(other.bytes)
            last.max(other.last, ordering: .relaxed)
        }
    }

    /// The numbers of a name at one moment.
    package struct Snapshot: Sendable, Hashable {
        package var name: String
        package var bytes: UInt64
        /// Unix seconds; 0: never.
        package var last: Int64
    }

    private struct Entry {
        var series: Series
        var users = 0
        /// Grows with each time that somebody joins or leaves.
        var lastUse = 0
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var uses = 0
    }

    /// Default: so many names have a series.
    package static let seriesMax = 1_000

    private let seriesMax: Int
    private let other = Series(CounterFamily.otherName)
    private let state = Mutex(State())

    package init(seriesMax: Int = RecentSeries.seriesMax) { self.seriesMax = seriesMax }

    /// The series for a name, until ``leave(_:)``.
    package func join(_ name: String) -> Series {
        state.withLock { state in
            if state.entries[name] == nil {
                guard state.entries.count < seriesMax || evictOldest(&state) else { return other }
                state.entries[name] = Entry(series: Series(name))
            }
            return use(name, 1, &state) ?? other
        }
    }

    /// One who has joined counts no more.
    package func leave(_ series: Series) {
        guard series !== other else { return }
        state.withLock { state in _ = use(series.name, -1, &state) }
    }

    /// By name, the rest last where there is one.
    package var snapshots: [Snapshot] {
        state.withLock { state in
            let all = state.entries.values.map(\.series.snapshot).sorted { $0.name < $1.name }
            let rest = other.snapshot
            return rest.last == 0 ? all : all + [rest]
        }
    }

    private func use(_ name: String, _ users: Int, _ state: inout State) -> Series? {
        state.uses += 1
        state.entries[name]?.users += users
        state.entries[name]?.lastUse = state.uses
        return state.entries[name]?.series
    }

    /// False: everybody is at work.
    private func evictOldest(_ state: inout State) -> Bool {
        let idle = state.entries.lazy.filter { $0.value.users == 0 }
        guard let oldest = idle.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return false }
        state.entries[oldest.key] = nil
        other.absorb(oldest.value.series.snapshot)
        return true
    }
}
