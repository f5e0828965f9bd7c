internal import HamsterCore
internal import HamsterFiles
internal import HamsterTail
internal import Synchronization

/// Directories under watch, by number and by path. Directories are watched, not files: a watch on a file follows the
/// inode and would miss a rotation. Any thread may use it.
final class WatchedDirectories: Sendable {
    struct Events: Sendable {
        var paths: [(path: SourcePath, changes: DirectoryChanges)] = []
        /// Events were lost, or a directory is gone: they don't tell everything.
        var isIncomplete = false
    }

    private struct State {
        var numbers: [SourcePath: Int32] = [:]
        var paths: [Int32: SourcePath] = [:]
        /// What the scan that runs has asked for.
        var wanted: Set<SourcePath> = []
        var problems: [FileError] = []
    }

    private let watch: DirectoryWatch
    private let state = Mutex(State())

    init(_ watch: DirectoryWatch) { self.watch = watch }

    func close() { watch.close() }

    func beginScan() { state.withLock { $0.wanted = [] } }

    /// Watches directories; whether any of them was not watched before.
    func add(_ directories: Set<SourcePath>) -> Bool {
        var isNew = false
        var replaced: [Int32] = []
        for directory in directories {
            do throws(FileError) {
                // Each time: the same directory gives the same number, a new one under the old name another.
                let number = try watch.add(directory)
                state.withLock { state in
                    let old = state.numbers.updateValue(number, forKey: directory)
                    if let old, old != number {
                        state.paths[old] = nil
                        replaced.append(old)
                    }
                    state.paths[number] = directory
                    isNew = isNew || old != number
                }
            } catch {
                // The rescan goes on looking at it.
                if !error.isMissing { state.withLock { $0.problems.append(error) } }
            }
        }
        // A renamed directory may have been found under its new name.
        let gone = state.withLock { [replaced] state in
            state.wanted.formUnion(directories)
            return replaced.filter { state.paths[$0] == nil }
        }
        for number in gone { watch.remove(number) }
        return isNew
    }

    /// Ends the watch of directories that nobody has asked for since ``beginScan()``. Returns what could not be watched.
    func endScan() -> [FileError] {
        let (gone, problems) = state.withLock { state in
            let gone = state.numbers.filter { !state.wanted.contains($0.key) }
            for (directory, number) in gone {
                state.numbers[directory] = nil
                if state.paths[number] == directory { state.paths[number] = nil }
            }
            defer { state.problems = [] }
            // Two names of one directory have one number.
            return (gone.values.filter { state.paths[$0] == nil }, state.problems)
        }
        for number in gone { watch.remove(number) }
        return problems
    }

    /// Takes the events of all directories. Doesn't wait.
    func events() -> Events {
        let events = watch.takeWaiting() ?? []
        return state.withLock { state in
            var told = Events()
            for event in events {
                if event.changes.isDisjoint(with: [.overflow, .selfGone]),
                    let directory = event.directory.flatMap({ state.paths[$0] })
                {
                    told.paths.append((directory.appending(event.name), event.changes))
                } else {
                    told.isIncomplete = true
                }
            }
            return told
        }
    }
}
