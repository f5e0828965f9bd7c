package import HamsterCore
package import HamsterFiles
internal import HamsterState

extension TailedFile {
    /// The position at an offset where a server wants the stream to go on; nil where the file is not the one that the
    /// server or our own record knows. Blocks on the disk at worst.
    package func position(at offset: UInt64, check: ContinuityCheck?) throws(FileError) -> SourcePosition? {
        let known = record.position
        guard try status().size >= offset, try continues(known) else { return nil }
        // What is compared is what the next reads are held against: a change in between can't slip through.
        let position = try position(at: offset)
        guard position.tail.bytes.count == Int(min(offset, UInt64(SourceTail.bytesMax))) else { return nil }
        if let check, position.tail.check(at: offset) != check { return nil }
        if offset == known.offset, !known.tail.bytes.isEmpty, known.tail != position.tail { return nil }
        return position
    }
}
