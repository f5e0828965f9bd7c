private import Glibc

/// How many LF there are. At memchr(3)'s speed: it is asked for every byte that a server receives.
package func lineFeedCount(in bytes: RawSpan) -> Int {
    bytes.withUnsafeBytes { bytes in
        guard var next = bytes.baseAddress else { return 0 }
        let end = next + bytes.count
        var count = 0
        while next < end, let found = memchr(next, 0x0A, end - next) {
            count += 1
            next = UnsafeRawPointer(found) + 1
        }
        return count
    }
}
