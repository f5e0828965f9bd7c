package import HamsterCore
package import HamsterFiles
internal import Synchronization

/// The files that were and are behind one path, oldest first. Only the first is sent, so that the order in the output is
/// the order of writing. Any thread may use it.
package final class FollowedPath: Sendable {
    /// What a file needs that no connection serves at present.
    package enum Step: Sendable, Hashable {
        /// Open a stream for it.
        case send
        /// All is acknowledged, and nothing more can come.
        case delivered
        /// It holds other content than was sent.
        case startOver
        /// It may hold other content than was sent, and only the server knows what was: open a stream for it that is an
        /// inquiry.
        case ask
        /// Nothing, until something changes, or so long at most.
        case wait(Duration?)

        /// Whether the file needs no connection as it is: nothing tells of what was in it before.
        package var isWithoutStream: Bool {
            switch self {
            case .delivered, .wait: true
            case .send, .startOver, .ask: false
            }
        }
    }

    package let path: SourcePath
    private let role: Mutex<(selection: FileSelection, input: Int)>
    private let files = Mutex<[TailedFile]>([])

    package init(path: SourcePath, selection: FileSelection, input: Int) {
        self.path = path
        role = Mutex((selection, input))
    }

    package var selection: FileSelection { role.withLock { $0.selection } }

    /// The selection's place among the client's inputs.
    package var input: Int { role.withLock { $0.input } }

    /// The path is taken by this selection from now on, which has the method of the one before.
    func reselect(_ selection: FileSelection, input: Int) { role.withLock { $0 = (selection, input) } }

    package var rotation: RotationRule { RotationRule(rotateWait: selection.rotateWait) }

    /// The file whose bytes come next; nil where all are delivered.
    package var first: TailedFile? { files.withLock { $0.first } }

    /// All files that are not yet delivered, oldest first.
    package var all: [TailedFile] { files.withLock { $0 } }

    /// The file that the path leads to; nil where it leads nowhere.
    package var leading: TailedFile? { files.withLock { $0.last { $0.rotatedAt == nil } } }

    /// Whether `identity` is what the path led to at the last look.
    package func leads(to identity: FileIdentity) -> Bool { leading?.identity == identity }

    /// One of the files, by its identity.
    package func file(_ identity: FileIdentity) -> TailedFile? { all.first { $0.identity == identity } }
}

// MARK: - Which files

extension FollowedPath {
    /// The path leads to this file from now on; the one before it counts as rotated.
    package func lead(to file: TailedFile, now: FileTime) {
        files.withLock { files in
            files.last?.markRotated(at: now)
            files.append(file)
        }
    }

    /// A file that was behind the path before, and is found under another name: it goes before younger ones, and before
    /// the one that is there now. `next`: it goes before this one too, whatever their ages: it is a copy of what that held.
    package func precede(with file: TailedFile, before next: TailedFile? = nil, now: FileTime) {
        file.markRotated(at: now)
        files.withLock { files in
            let place = files.firstIndex { other in
                other === next || other.rotatedAt == nil || other.isYounger(than: file)
            }
            files.insert(file, at: place ?? files.endIndex)
        }
    }

    /// The path leads nowhere any more.
    package func leadNowhere(now: FileTime) { leading?.markRotated(at: now) }

    /// `file` is delivered, and nothing more can come in it.
    package func removeDelivered(_ file: TailedFile) { files.withLock { $0.removeAll { $0 === file } } }
}

extension TailedFile {
    fileprivate func isYounger(than other: TailedFile) -> Bool {
        guard let born = identity.born, let otherBorn = other.identity.born else { return false }
        return otherBorn < born
    }
}

// MARK: - What comes next

extension FollowedPath {
    /// What the file needs that is first. `lost` is told of bytes that were seen in it and are gone, unsent. Blocks.
    package func next(
        for file: TailedFile, now: FileTime, lost: (UInt64) -> Void = { _ in }
    ) throws(FileError) -> Step {
        guard try file.isContinued(lost: lost) else { return file.isKnownToServerAlone ? .ask : .startOver }
        let size = try file.status().size
        return switch selection.method {
        case .watch, .untilRotated: try nextOfFollowed(file, size, now)
        case .once: nextOfLimited(file)
        case .close: file.sizeLimit == nil ? try nextOfUnclosed(file, size, now) : nextOfLimited(file)
        }
    }

    /// After a file's last byte is acknowledged: whether it goes out of the list, because its path leads elsewhere.
    package func settle(_ file: TailedFile) -> Bool {
        if selection.method == .close {
            file.limit(to: nil)
            // One that has grown since its limit was fixed is not done.
            let isGrown = (try? file.status().size).map { $0 > file.acknowledged } ?? false
            if file.rotatedAt == nil || isGrown { return false }
        }
        removeDelivered(file)
        return true
    }

    private func nextOfFollowed(_ file: TailedFile, _ size: UInt64, _ now: FileTime) throws(FileError) -> Step {
        let acknowledged = file.acknowledged
        if size > acknowledged || file.mustAnnounce { return .send }
        guard file.rotatedAt != nil else { return .wait(nil) }
        let remaining = try rotation.remaining(of: file, now: now)
        guard remaining == .zero else { return .wait(remaining) }
        // The last look at the size must come after the writer is known to be gone.
        return try file.status().size > acknowledged ? .send : .delivered
    }

    private func nextOfLimited(_ file: TailedFile) -> Step {
        file.acknowledged >= file.sizeLimit ?? 0 && !file.mustAnnounce ? .delivered : .send
    }

    /// A file that is sent when it is closed: as a whole, under the name that it has then.
    private func nextOfUnclosed(_ file: TailedFile, _ size: UInt64, _ now: FileTime) throws(FileError) -> Step {
        guard file.rotatedAt != nil || size > file.acknowledged || file.mustAnnounce else { return .wait(nil) }
        let remaining = try rotation.remaining(of: file, now: now)
        guard remaining == .zero else { return .wait(remaining) }
        file.limit(to: try file.status().size)
        _ = file.send(as: file.location)
        return nextOfLimited(file)
    }
}

extension RotationRule {
    /// How long until a file counts as complete: rotated away, or closed and quiet. Blocks.
    package func remaining(of file: TailedFile, now: FileTime) throws(FileError) -> Duration {
        let open = try file.open()
        let (status, hasWriter) = (try open.status(), try open.hasWriter())
        guard let rotatedAt = file.rotatedAt else {
            return quiet(since: status.modified, hasWriter: hasWriter, now: now)
        }
        return remaining(
            Observation(rotatedAt: rotatedAt, modified: status.modified, hasWriter: hasWriter), now: now)
    }

    /// The size of a file that can't grow any more; only such a stream ends its file at the server. Nil: it may grow.
    package func completeSize(of file: TailedFile, now: FileTime) throws(FileError) -> UInt64? {
        if let limit = file.sizeLimit { return limit }
        guard file.rotatedAt != nil, try remaining(of: file, now: now) == .zero else { return nil }
        return try file.status().size
    }
}
