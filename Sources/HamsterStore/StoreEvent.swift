package import HamsterCore

/// What the store has done on its own, for an operator to know. None of it is a failure.
package enum StoreEvent: Sendable, Hashable {
    /// An output's file was put aside, with so many bytes.
    case rotated(SourcePath, to: SourcePath, byteCount: UInt64)
    /// A file that was put aside was replaced by a gzip file; sizes in bytes.
    case compressed(SourcePath, to: SourcePath, byteCount: UInt64, compressedByteCount: UInt64)
    /// A file that was put aside was removed, because there are enough younger ones.
    case removed(SourcePath)
    /// The file system of this output has less free space than is to stay free, in bytes: its outputs take nothing.
    case spaceIsLow(SourcePath, free: UInt64, floor: UInt64)
    /// It has enough again.
    case spaceIsBack(SourcePath, free: UInt64)
}
