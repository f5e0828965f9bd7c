internal import HamsterCore
internal import HamsterFiles
internal import HamsterTail
internal import NIOCore

/// Reads one file in order for one connection, and remembers what it handed out last. Never waits for the disk: what
/// the page cache does not hold is left to the caller's thread pool. Confined to the event loop.
struct BatchReader {
    /// Bytes read at once.
    static let batchBytes = 256 * 1024

    enum Answer {
        case batch(ByteBuffer)
        /// No byte behind the offset, or the file's size limit is reached.
        case end
        /// The page cache does not have it.
        case uncached
    }

    let file: TailedFile
    /// The next byte to read.
    private(set) var offset: UInt64 = 0
    /// The bytes before ``offset``, as they were handed out.
    private(set) var tail = SourceTail()
    // Kept between reads: TLS encrypts at once, so the storage is our own again by the next read.
    private var buffer = ByteBuffer()

    init(_ file: TailedFile) { self.file = file }

    /// Goes on at `offset`, before which `tail` stands.
    mutating func start(at offset: UInt64, tail: SourceTail) {
        self.offset = offset
        self.tail = tail
    }

    /// How much to read: a whole batch, or what is left below the size limit.
    var wantedBytes: Int {
        let left = file.sizeLimit.map { $0 > offset ? $0 - offset : 0 } ?? UInt64(Self.batchBytes)
        return Int(min(left, UInt64(Self.batchBytes)))
    }

    mutating func next() throws(FileError) -> Answer {
        let count = wantedBytes
        guard count > 0 else { return .end }
        buffer.clear(minimumCapacity: Self.batchBytes)
        var result: Result<Int?, FileError> = .success(0)
        _ = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            let space = unsafe UnsafeMutableRawBufferPointer(rebasing: space[..<count])
            do throws(FileError) {
                let read = unsafe try file.file.readCached(into: space, at: offset)
                result = .success(read)
                return read ?? 0
            } catch {
                result = .failure(error)
                return 0
            }
        }
        guard let read = try result.get() else { return .uncached }
        guard read > 0 else { return .end }
        advance(over: buffer)
        return .batch(buffer)
    }

    /// Moves on by bytes that the caller read at ``offset`` itself.
    mutating func advance(over batch: ByteBuffer) {
        offset += UInt64(batch.readableBytes)
        tail.append(batch.readableBytesSpan)
    }

    /// The bytes before an offset at or below ``offset``; none where they would have to come from the disk.
    func tail(before position: UInt64) throws(FileError) -> SourceTail {
        guard position < offset else { return tail }
        return try cachedBytes(before: position, count: SourceTail.bytesMax).map { SourceTail($0) } ?? SourceTail()
    }

    /// Whether what was handed out still stands before ``offset``; nil where the disk would have to be asked.
    func continuityCached() throws(FileError) -> TailedFile.Continuity? {
        guard try file.file.status().size >= offset else { return .replaced }
        return try cachedBytes(before: offset, count: tail.bytes.count).map { $0 == tail.bytes ? .same : .replaced }
    }

    private func cachedBytes(before position: UInt64, count: Int) throws(FileError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: Int(min(position, UInt64(count))))
        let start = position - UInt64(bytes.count)
        let read = unsafe bytes.withUnsafeMutableBytes { space in
            Result { () throws(FileError) in unsafe try file.file.readCached(into: space, at: start) }
        }
        return try read.get() == bytes.count ? bytes : nil
    }
}
