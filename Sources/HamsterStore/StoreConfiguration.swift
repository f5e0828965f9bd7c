/// When bytes count as stored.
package enum SyncPolicy: Sendable, Hashable {
    /// After an fdatasync of the output and of the journal: they survive a power cut.
    case commit
    /// When the kernel has them: they survive a crash of this process, not a power cut.
    case os
}

/// What a store keeps to; fixed when it is opened.
package struct StoreConfiguration: Sendable {
    /// Holds the journal and its lock; made (0750) when missing. One store per directory, whatever the process.
    package var stateDirectory: String
    /// Base of the outputs that are `.beneath`; made (0750) when missing.
    package var directory: String
    /// Default: commit.
    package var sync: SyncPolicy
    /// How long a byte waits for its commit at most. Default: 100 ms.
    package var commitInterval: Duration
    /// Uncommitted bytes of all outputs together that start a commit before the interval is over. Default: 16 MiB.
    package var commitBytes: Int
    /// A stream or output not seen for so long is dropped at the next compaction. Default: 90 days.
    package var forgetAfter: Duration
    /// The longest line, in bytes without its LF, that `lines` framing keeps whole. Default: 1 MiB.
    package var lineBytesMax: Int
    /// Outputs take nothing while their file system has less free space, as if it were full. In bytes; 0: until it is.
    package var freeSpaceMin: UInt64 = 0
    /// A file system is asked for its free space at most once in this time. Default: 1 s.
    package var freeSpaceInterval: Duration = .seconds(1)
    /// A journal that is not larger is never compacted. In bytes. Default: 1 MiB.
    package var compactionSizeMin = 1 << 20

    package init(
        stateDirectory: String, directory: String, sync: SyncPolicy = .commit,
        commitInterval: Duration = .milliseconds(100), commitBytes: Int = 16 << 20,
        forgetAfter: Duration = .seconds(90 * 86_400), lineBytesMax: Int = 1 << 20
    ) {
        self.stateDirectory = stateDirectory
        self.directory = directory
        self.sync = sync
        self.commitInterval = commitInterval
        self.commitBytes = commitBytes
        self.forgetAfter = forgetAfter
        self.lineBytesMax = lineBytesMax
    }

    /// The journal's path.
    package var journal: String { stateDirectory + "/journal" }
    var lock: String { stateDirectory + "/journal.lock" }
}
