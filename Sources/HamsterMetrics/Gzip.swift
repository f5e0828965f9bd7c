internal import HamsterFiles

/// A gzip file with these bytes; fast rather than small. Nil where there is no memory.
func gzip(_ bytes: [UInt8]) -> [UInt8]? {
    guard let encoder = GzipEncoder(level: 1) else { return nil }
    return encoder.encode(bytes) + encoder.finish()
}
