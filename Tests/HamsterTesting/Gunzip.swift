private import CZlib

/// The content of a gzip file; nil where it is not one whole gzip file.
package func gunzip(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    guard CZlib_gunzipInit(&stream) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var content: [UInt8] = []
    var input = bytes
    var space = [UInt8](repeating: 0, count: 16_384)
    var result = Z_OK
    input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        repeat {
            space.withUnsafeMutableBufferPointer { space in
                stream.next_out = space.baseAddress
                stream.avail_out = UInt32(space.count)
                result = inflate(&stream, Z_NO_FLUSH)
            }
            content.append(contentsOf: space[..<(space.count - Int(stream.avail_out))])
        } while result == Z_OK && stream.avail_out == 0
    }
    return result == Z_STREAM_END && stream.avail_in == 0 ? content : nil
}
