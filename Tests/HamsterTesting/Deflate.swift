private import CZlib

/// A zlib stream (RFC 1950) that is next to nothing and unpacks to `byteCount` zeros.
package func zlibStream(ofZeros byteCount: Int) throws -> [UInt8] {
    var size = compressBound(UInt(byteCount))
    var stream = [UInt8](repeating: 0, count: Int(size))
    let zeros = [UInt8](repeating: 0, count: byteCount)
    guard compress2(&stream, &size, zeros, UInt(byteCount), Z_BEST_COMPRESSION) == Z_OK else {
        throw TestingError("compress2 failed")
    }
    return Array(stream[..<Int(size)])
}
