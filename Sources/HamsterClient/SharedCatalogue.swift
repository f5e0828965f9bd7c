internal import HamsterCore
internal import HamsterFiles
internal import HamsterTail
internal import Synchronization

/// The one catalogue, for those who look and those who ship. All methods but ``growth(from:)`` block: they belong on a
/// thread pool.
final class SharedCatalogue: Sendable {
    private let catalogue: Mutex<FileCatalogue>

    init(_ catalogue: FileCatalogue) { self.catalogue = Mutex(catalogue) }

    func scan(watch: (Set<SourcePath>) -> Bool) -> FileCatalogue.Changes {
        catalogue.withLock { $0.scan(now: .now, watch: watch) }
    }

    /// The paths that have grown, if events tell of nothing else, and nobody has the catalogue at the moment. Doesn't block.
    func growth(from events: [(path: SourcePath, changes: DirectoryChanges)]) -> FileCatalogue.Changes? {
        catalogue.withLockIfAvailable { $0.growth(from: events) } ?? nil
    }

    /// Not everything told: everything has to be looked at.
    func look(
        at events: [(path: SourcePath, changes: DirectoryChanges)]
    ) -> (changes: FileCatalogue.Changes, isEverythingTold: Bool) {
        catalogue.withLock { $0.look(at: events, now: .now) }
    }

    /// The selections that can't match anything at present, with what is not there.
    var missing: [(selection: Int, path: SourcePath)] { catalogue.withLock { $0.missing } }

    /// Returns the paths that are not followed any more.
    func replaceSelections(_ selections: [FileSelection]) -> [FollowedPath] {
        catalogue.withLock { $0.replaceSelections(selections) }
    }

    /// Whether a file of which nothing is sent was truncated all the same.
    func isOverwritten(_ file: TailedFile, of path: FollowedPath) throws(FileError) -> Bool {
        try catalogue.withLock { catalogue throws(FileError) in
            try catalogue.isOverwritten(file, of: path, now: .now)
        }
    }

    /// Looks for a file whose name leads elsewhere. False: it has no name any more.
    func locate(_ file: TailedFile, of path: FollowedPath) throws(FileError) -> Bool {
        try catalogue.withLock { catalogue throws(FileError) in
            try catalogue.locate(file, of: path, now: .now)
        }
    }

    /// Returns how many bytes are lost.
    func startOver(
        _ file: TailedFile, of path: FollowedPath, view: FileCatalogue.ServerView?
    ) throws(FileError) -> UInt64 {
        try catalogue.withLock { catalogue throws(FileError) in
            try catalogue.startOver(file, of: path, view: view, now: .now)
        }
    }

    /// The server has nothing of a file that it was asked about. True: a look at everything is due.
    func settleUnknown(_ file: TailedFile, of path: FollowedPath) throws(FileError) -> Bool {
        try catalogue.withLock { catalogue throws(FileError) in
            try catalogue.settleUnknown(file, of: path, now: .now)
        }
    }

    /// Removes a delivered file. False: it has changed since.
    func remove(_ file: TailedFile) throws(FileError) -> Bool {
        try catalogue.withLock { catalogue throws(FileError) in try catalogue.remove(file) }
    }
}
