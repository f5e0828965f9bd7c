package import HamsterCore
package import HamsterFiles

/// What the client knows of one file's way to the server. Losing it costs a resume from the server's record, no byte.
package struct FileRecord: Sendable, Hashable {
    package var identity: FileIdentity
    /// Grows when the file is found truncated or rewritten: the same inode then holds other content.
    package var generation: UInt32
    /// The path under which the file is sent; a renamed file keeps it.
    package var path: SourcePath
    /// Every byte below is acknowledged.
    package var offset: UInt64
    /// The bytes before `offset`, for the check that the file is still the one that was sent.
    package var tail: SourceTail
    /// Unix time in seconds at which the file was last seen or acknowledged.
    package var seenAt: Int64

    package init(
        identity: FileIdentity, generation: UInt32 = 0, path: SourcePath, offset: UInt64 = 0,
        tail: SourceTail = SourceTail(), seenAt: Int64
    ) {
        self.identity = identity
        self.generation = generation
        self.path = path
        self.offset = offset
        self.tail = tail
        self.seenAt = seenAt
    }

    /// The file's name on the wire, made from identity and generation alone: the same again when the state is lost.
    package var token: FileToken? {
        let born = identity.born.map { "b" + String($0.nanoseconds, radix: 16) }
        let device = identity.device.map { "d" + String($0, radix: 16) }
        return FileToken("i\(String(identity.inode, radix: 16))-\(born ?? device ?? "d0")-g\(generation)")
    }
}
