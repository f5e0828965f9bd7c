package import HamsterCore

/// What the store has done on its own, for an operator to know. None of it is a failure.
package enum StoreEvent: Sendable, Hashable {
    /// An output's file was put aside, with so many bytes.
    case rotated(SourcePath, to: SourcePath, byteCount: UInt64)
    /// A file that was put aside was replaced by a gzip file; sizes in bytes.
    case compressed(SourcePath, to: SourcePath, byteCount: UInt64, compressedByteCount: UInt64)
    /// A file that was put aside was removed, because there are enough younger ones.
    case removed(SourcePath)
}
