internal import HamsterCore
internal import HamsterTail
internal import NIOCore

/// The memory that the streams of one event loop read their files into, one after the other: TLS encrypts at once, so the
/// storage is free again by the next read. What somebody still holds is not overwritten: then the next read gets new
/// storage. Not to be used off its event loop.
final class ReadBuffer {
    private(set) var bytes = ByteBuffer()

    /// Puts up to `byteCount` bytes in place of what it holds; `read` says how many it has written, or nil.
    func fill<Failure: Error>(
        _ byteCount: Int, _ read: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int?
    ) throws(Failure) -> Int? {
        bytes.clear(minimumCapacity: SourceTail.bytesMax + SourceReader.batchBytes)
        var result: Result<Int?, Failure> = .success(nil)
        _ = unsafe bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { space in
            let space = unsafe UnsafeMutableRawBufferPointer(rebasing: space[..<byteCount])
            do throws(Failure) {
                let count = unsafe try read(space)
                result = .success(count)
                return count ?? 0
            } catch {
                result = .failure(error)
                return 0
            }
        }
        return try result.get()
    }
}

/// One ``ReadBuffer`` for each event loop of a group.
final class ReadBuffers: Sendable {
    private let buffers: [ObjectIdentifier: NIOLoopBoundBox<ReadBuffer>]

    init(_ group: any EventLoopGroup) {
        let boxes = group.makeIterator().map { loop in
            (ObjectIdentifier(loop), NIOLoopBoundBox.makeBoxSendingValue(ReadBuffer(), eventLoop: loop))
        }
        buffers = Dictionary(uniqueKeysWithValues: boxes)
    }

    /// On the event loop only, which is one of the group's.
    func buffer(of loop: any EventLoop) -> ReadBuffer { buffers[ObjectIdentifier(loop)]?.value ?? ReadBuffer() }
}
