internal import Glibc
internal import HamsterCore
internal import HamsterFiles
package import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Notices that certificates, keys, CAs or revocation lists on disk were replaced: written anew, renamed into place, or by
/// a symbolic link that leads elsewhere now, as certbot and Kubernetes do it.
package final class CredentialWatch: Service {
    /// What a change shows in; the content is read by whoever is told.
    private struct Stamp: Sendable, Hashable {
        var device: UInt
        var inode: UInt
        var size: Int
        var modified: Int
        var modifiedNanoseconds: Int
        /// Of owner, mode and name as well: `chmod` may be what was missing.
        var changed: Int
        var changedNanoseconds: Int

        /// Those of a file, or of a directory and all in it; where there is nothing, one that is nil.
        static func all(_ path: String) -> [Stamp?] {
            guard isDirectory(path), let entries = try? LinuxFileSystem().entries(of: SourcePath(path)) else {
                return [Stamp(path)]
            }
            return entries.map { "\(path)/\(SourcePath(bytes: $0.name))" }.sorted().map { Stamp($0) }
        }

        static func isDirectory(_ path: String) -> Bool {
            var status = stat()
            return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        }

        /// Nil where there is no such file.
        private init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            device = UInt(status.st_dev)
            inode = UInt(status.st_ino)
            size = Int(status.st_size)
            modified = Int(status.st_mtim.tv_sec)
            modifiedNanoseconds = Int(status.st_mtim.tv_nsec)
            changed = Int(status.st_ctim.tv_sec)
            changedNanoseconds = Int(status.st_ctim.tv_nsec)
        }
    }

    private struct State {
        var paths: [String] = []
        var stamps: [[Stamp?]] = []
    }

    /// Between two looks without an event: for links across directories, and file systems that tell nothing.
    private static let interval: Duration = .seconds(60)
    /// A certificate and its key are two files: who replaces one is given time for the other.
    private static let settling: Duration = .seconds(2)

    private let logger: Logger
    private let onChange: @Sendable () -> Bool
    private let state = Mutex(State())
    private let directories = Mutex<DirectoryWatch?>(nil)

    /// `onChange` is called once a change has settled, never twice at a time. It says whether the files could be used; if not, it
    /// is called once a minute until they can: time or another file may have been what was wrong.
    package init(_ paths: [String], logger: Logger, onChange: @escaping @Sendable () -> Bool) {
        self.logger = logger
        self.onChange = onChange
        watch(paths)
    }

    /// Watches these files from now on. Those that are watched already stay as they are known: a reload that has failed has
    /// not used them.
    package func watch(_ paths: [String]) {
        state.withLock { state in
            guard state.paths != paths else { return }
            state = State(paths: paths, stamps: paths.map(Stamp.all))
        }
        addDirectories()
    }

    /// For who has replaced the files and puts them to use at once: what `read` has used is no change any more. False: it could
    /// not use them.
    package func use(_ read: () -> Bool) -> Bool {
        // Those of before: what is replaced meanwhile may not have been read.
        let known = state.withLock { State(paths: $0.paths, stamps: $0.paths.map(Stamp.all)) }
        guard read() else { return false }
        state.withLock { state in
            if state.paths == known.paths { state = known }
        }
        return true
    }

    package func run() async throws {
        do throws(FileError) {
            let watch = try DirectoryWatch()
            directories.withLock { $0 = watch }
        } catch {
            logger.warning("certificates are looked at once a minute only", metadata: ["reason": "\(error)"])
        }
        addDirectories()
        await cancelWhenGracefulShutdown {
            var hasFailed = false
            var triedAt = ContinuousClock.now
            while !Task.isCancelled {
                await self.waitForEvents()
                let isDue = hasFailed && .now - triedAt >= Self.interval
                if await self.settledChange() || isDue {
                    hasFailed = !self.onChange()
                    triedAt = .now
                }
                // What a link leads to, or a directory that was made anew, is not watched yet.
                self.addDirectories()
            }
        }
        directories.withLock { $0.take() }?.close()
    }

    private func addDirectories() {
        let paths = state.withLock { $0.paths }
        guard let watch = directories.withLock({ $0 }) else { return }
        // Of a directory, its own files and what becomes of it itself.
        let directories =
            paths.map { SourcePath($0).directory } + paths.filter(Stamp.isDirectory).map { SourcePath($0) }
        for directory in Set(directories) {
            // One that is missing now is looked at once a minute.
            _ = try? watch.add(directory)
        }
    }

    private func waitForEvents() async {
        let watch = directories.withLock { $0 }
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await Task.sleep(for: Self.interval) }
            if let watch { tasks.addTask { _ = await watch.next() } }
            await tasks.next()
            tasks.cancelAll()
        }
    }

    /// Whether the files are others than they were, and have stayed so for a while.
    private func settledChange() async -> Bool {
        var last = state.withLock { $0.paths.map(Stamp.all) }
        guard last != state.withLock({ $0.stamps }) else { return false }
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.settling)
            let (isSettled, isNew, now) = state.withLock { state in
                let now = state.paths.map(Stamp.all)
                let (isSettled, isNew) = (now == last, now != state.stamps)
                if isSettled { state.stamps = now }
                return (isSettled, isNew, now)
            }
            if isSettled { return isNew }
            last = now
        }
        return false
    }
}
