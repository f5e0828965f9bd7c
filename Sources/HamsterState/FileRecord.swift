package import HamsterCore
package import HamsterFiles

/// What the client knows of one file's way to the server. Losing it costs a resume from the server's record, no byte.
package struct FileRecord: Sendable, Hashable {
    package var identity: FileIdentity
    /// Grows when the file is found truncated or rewritten: the same inode then holds other content.
    package var generation: UInt32
    /// Since when the file holds this content: its birth, or when it was found truncated. Nil where neither is known.
    package var since: FileTime?
    /// The path under which the file is sent; a renamed file keeps it.
    package var path: SourcePath
    /// Every byte below is acknowledged.
    package var position: SourcePosition
    /// The content's beginning, as it was before any of it was sent: as long as no acknowledgement is known here, it tells
    /// a copy of what the server has from what was written later. Empty where nothing was sent.
    package var begun = SourceHead()
    /// The largest size in bytes that this content was seen with: what is above the end of the file later, is lost.
    package var sizeSeen: UInt64
    /// The file was rotated before this client knew its path, and nothing of it is sent. At offset 0 the server is still to
    /// be asked whether it knows it; above, it knows nothing.
    package var isSkipped = false
    /// Unix time in seconds at which the file was last seen or acknowledged.
    package var seenAt: Int64

    package init(
        identity: FileIdentity, generation: UInt32 = 0, path: SourcePath, position: SourcePosition = SourcePosition(),
        sizeSeen: UInt64 = 0, seenAt: Int64
    ) {
        self.identity = identity
        self.generation = generation
        since = identity.born
        self.path = path
        self.position = position
        self.sizeSeen = max(sizeSeen, position.offset)
        self.seenAt = seenAt
    }

    /// Whether it depends on the server's answer if anything of the file is sent.
    package var isUnasked: Bool { isSkipped && position.offset == 0 }

    /// The file's name on the wire, made from identity and generation alone: the same again when the state is lost.
    package var token: FileToken? {
        let born = identity.born.map { "b" + String($0.nanoseconds, radix: 16) }
        let device = identity.device.map { "d" + String($0, radix: 16) }
        return FileToken("i\(String(identity.inode, radix: 16))-\(born ?? device ?? "d0")-g\(generation)")
    }
}
