package import HamsterCore
package import HamsterFiles
internal import Synchronization

/// The files that were and are behind one path, oldest first. Only the first is sent, so that the order in the output is
/// the order of writing. Any thread may use it.
package final class FollowedPath: Sendable {
    package let path: SourcePath
    private let files = Mutex<[TailedFile]>([])

    package init(path: SourcePath) { self.path = path }

    /// The file whose bytes come next; nil where all are delivered.
    package var first: TailedFile? { files.withLock { $0.first } }

    /// All files that are not yet delivered, oldest first.
    package var all: [TailedFile] { files.withLock { $0 } }

    /// Whether `identity` is what the path led to at the last look.
    package func leads(to identity: FileIdentity) -> Bool {
        files.withLock { $0.last.map { $0.identity == identity && $0.rotatedAt == nil } ?? false }
    }

    /// The path leads to this file from now on; the one before it counts as rotated.
    package func lead(to file: TailedFile, now: FileTime) {
        files.withLock { files in
            files.last?.markRotated(at: now)
            files.append(file)
        }
    }

    /// A file that was behind the path before, and is found under another name: it goes before the one that is there now.
    package func precede(with file: TailedFile, now: FileTime) {
        file.markRotated(at: now)
        files.withLock { files in
            files.insert(file, at: files.firstIndex { $0.rotatedAt == nil } ?? files.endIndex)
        }
    }

    /// The path leads nowhere any more.
    package func leadNowhere(now: FileTime) { files.withLock { $0.last?.markRotated(at: now) } }

    /// `file` is delivered, and nothing more can come in it.
    package func removeDelivered(_ file: TailedFile) { files.withLock { $0.removeAll { $0 === file } } }
}
