internal import NIOCore

/// Writes that wait for the end of the handshake, with a limit.
struct EarlyWrites {
    /// Bytes that may wait.
    static let bytesMax = 1024 * 1024

    private var writes = CircularBuffer<(buffer: ByteBuffer, promise: EventLoopPromise<Void>?)>(initialCapacity: 2)
    private var bytes = 0

    var isEmpty: Bool { writes.isEmpty }

    /// False, without having taken the write, when it is too much.
    mutating func append(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?) -> Bool {
        guard bytes + buffer.readableBytes <= Self.bytesMax else { return false }
        bytes += buffer.readableBytes
        writes.append((buffer, promise))
        return true
    }

    /// The oldest write's bytes.
    var first: ByteBuffer? { writes.first?.buffer }

    /// Puts back what ``removeFirst()`` took: it comes before what was written later.
    mutating func putBack(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        bytes += buffer.readableBytes
        writes.prepend((buffer, promise))
    }

    /// Takes the oldest write out.
    mutating func removeFirst() -> EventLoopPromise<Void>? {
        guard let write = writes.popFirst() else { return nil }
        bytes -= write.buffer.readableBytes
        return write.promise
    }

    /// Takes all writes out, to fail their promises.
    mutating func removeAll() -> [EventLoopPromise<Void>] {
        defer { self = EarlyWrites() }
        return writes.compactMap(\.promise)
    }
}
