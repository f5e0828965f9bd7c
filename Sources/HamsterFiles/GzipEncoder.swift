private import CZlib

/// One gzip file (RFC 1952) out of many pieces. Memory is zlib's 256 KiB and the piece's output.
package final class GzipEncoder {
    // On the heap and never moved: zlib keeps a pointer back to its z_stream.
    private let stream: UnsafeMutablePointer<z_stream>

    /// `level` is zlib's: 1 is fast, 9 is small. Nil where there is no memory.
    package init?(level: Int32 = 6) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard CZlib_gzipInit(stream, level) == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// What the file has to get for these bytes of the content, which may be nothing yet.
    package func encode(_ bytes: [UInt8]) -> [UInt8] { run(bytes, Z_NO_FLUSH) }

    /// The rest of the file. Nothing can follow.
    package func finish() -> [UInt8] { run([], Z_FINISH) }

    private func run(_ bytes: [UInt8], _ flush: Int32) -> [UInt8] {
        var output: [UInt8] = []
        var space = [UInt8](repeating: 0, count: 65_536)
        bytes.withUnsafeBufferPointer { input in
            // zlib's interface is not const-correct; it does not write to its input.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.pointee.avail_in = UInt32(input.count)
            repeat {
                space.withUnsafeMutableBufferPointer { space in
                    stream.pointee.next_out = space.baseAddress
                    stream.pointee.avail_out = UInt32(space.count)
                    // With room for output and a live stream this has no way to fail.
                    _ = deflate(stream, flush)
                }
                output += space.dropLast(Int(stream.pointee.avail_out))
            } while stream.pointee.avail_out == 0
            stream.pointee.next_in = nil
        }
        return output
    }
}
