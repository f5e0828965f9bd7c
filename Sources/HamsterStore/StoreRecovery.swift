package import HamsterCore

/// What opening a store has found and mended.
package struct StoreRecovery: Sendable {
    /// An output whose length was not what the journal says.
    package struct Output: Sendable, Hashable {
        package var path: SourcePath
        /// By how many bytes it was longer or shorter.
        package var byteCount: UInt64
    }

    /// There was no journal.
    package var isFresh = false
    /// Bytes of a last frame that a crash had torn; they were cut off.
    package var journalBytesTorn = 0
    /// Streams that the journal knows.
    package var streamCount = 0
    /// Outputs that were cut back: those bytes were never acknowledged.
    package var outputsCut: [Output] = []
    /// Outputs that have lost bytes that were acknowledged. They go on from where they end.
    package var outputsShorter: [Output] = []
    /// Outputs that were removed or replaced. Their streams keep their offsets.
    package var outputsReplaced: [SourcePath] = []
    /// Outputs that could not be looked at or cut; that is tried again when they are opened.
    package var failures: [StoreError] = []
}
