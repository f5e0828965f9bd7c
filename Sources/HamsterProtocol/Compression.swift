private import CZlib
package import NIOCore

/// One zlib stream (RFC 1950) out of many pieces; each ends so that its every byte can be decoded at once.
package final class Deflater {
    // On the heap and never moved: zlib keeps a pointer back to its z_stream.
    private let stream: UnsafeMutablePointer<z_stream>

    /// `level` is zlib's: 1 is fast, 9 is small. Nil where there is no memory.
    package init?(level: Int32 = 1) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard CZlib_deflateInit(stream, level) == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Appends the compressed form of `bytes`, flushed with Z_SYNC_FLUSH, to `output`.
    package func deflate(_ bytes: ByteBuffer, into output: inout ByteBuffer) {
        bytes.readableBytesView.withUnsafeBytes { input in
            // zlib's interface is not const-correct; it does not write to its input.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
            stream.pointee.avail_in = UInt32(input.count)
            repeat {
                output.writeWithUnsafeMutableBytes(minimumWritableBytes: input.count / 4 + 1_024) { space in
                    stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
                    stream.pointee.avail_out = UInt32(space.count)
                    _ = CZlib.deflate(stream, Z_SYNC_FLUSH)
                    return space.count - Int(stream.pointee.avail_out)
                }
            } while stream.pointee.avail_out == 0
            stream.pointee.next_in = nil
        }
    }
}

/// The other side of ``Deflater``: gives the bytes back in pieces of bounded size, so that a small input that grows
/// a thousandfold costs time, not memory.
package final class Inflater {
    private let stream: UnsafeMutablePointer<z_stream>
    private var hasEnded = false

    /// Nil where there is no memory.
    package init?() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard CZlib_inflateInit(stream) == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Takes from `input` what fills at most `bytesMax` of output. Call again while `input` has bytes left or the
    /// piece was full. Throws ``ProtocolError/Code/corruptCompression``; the bytes of the damaged piece are dropped.
    package func inflate(
        _ input: inout ByteBuffer, bytesMax: Int, allocator: ByteBufferAllocator
    ) throws(ProtocolError) -> ByteBuffer {
        guard !hasEnded || input.readableBytes == 0 else {
            throw ProtocolError(.corruptCompression, "bytes behind the end of the compressed data")
        }
        // The last piece may have been full.
        guard !hasEnded else { return ByteBuffer() }
        var output = allocator.buffer(capacity: bytesMax)
        var result = Z_OK
        input.readWithUnsafeMutableReadableBytes { source in
            stream.pointee.next_in = source.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.avail_in = UInt32(source.count)
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: bytesMax) { space in
                stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
                stream.pointee.avail_out = UInt32(min(space.count, bytesMax))
                let room = Int(stream.pointee.avail_out)
                result = CZlib.inflate(stream, Z_SYNC_FLUSH)
                return room - Int(stream.pointee.avail_out)
            }
            stream.pointee.next_in = nil
            return source.count - Int(stream.pointee.avail_in)
        }
        switch result {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: hasEnded = true
        default: throw ProtocolError(.corruptCompression, "compressed data is damaged")
        }
        return output
    }
}
