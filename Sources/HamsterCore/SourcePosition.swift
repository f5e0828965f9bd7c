/// An offset in a source, and what is known of the bytes before it: enough to tell whether a file still is that source.
package struct SourcePosition: Sendable, Hashable {
    /// Bytes below this one were handed out.
    package var offset: UInt64
    /// The up to 64 bytes before ``offset``; fewer or none where they are not known.
    package var tail: SourceTail
    /// Of the bytes below ``offset``; of none where they are not known.
    package var head: SourceHead

    package init(offset: UInt64 = 0, tail: SourceTail = SourceTail(), head: SourceHead = SourceHead()) {
        self.offset = offset
        self.tail = tail
        self.head = head
    }

    /// Moves on by the bytes that follow.
    package mutating func advance(over bytes: RawSpan) {
        // A head that isn't known from the first byte on can't be made up later.
        if UInt64(head.byteCount) == offset { head.append(bytes) }
        tail.append(bytes)
        offset += UInt64(bytes.byteCount)
    }
}
