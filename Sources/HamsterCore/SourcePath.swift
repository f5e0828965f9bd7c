internal import Glibc

/// The bytes of an absolute path. Linux file names are bytes, not text: `String` would repair what is not UTF-8,
/// and a repaired name opens another file or none.
package struct SourcePath: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The path's bytes, without a terminating NUL.
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) { self.bytes = bytes }

    package init(_ text: String) { bytes = Array(text.utf8) }

    /// The path's components, without separators; empty ones are kept, so that a caller can refuse them.
    package var components: [ArraySlice<UInt8>] {
        bytes.dropFirst(bytes.first == UInt8(ascii: "/") ? 1 : 0)
            .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    }

    /// The path of `name` in this directory; the empty path stands for the root.
    package func appending(_ name: [UInt8]) -> SourcePath {
        SourcePath(bytes: bytes + (bytes.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]) + name)
    }

    /// The directory that holds this path's last component.
    package var directory: SourcePath {
        guard let separator = bytes.lastIndex(of: UInt8(ascii: "/")), separator > 0 else { return SourcePath("/") }
        return SourcePath(bytes: Array(bytes[..<separator]))
    }

    /// The last component.
    package var name: [UInt8] {
        guard let separator = bytes.lastIndex(of: UInt8(ascii: "/")) else { return bytes }
        return Array(bytes[(separator + 1)...])
    }

    /// The path for people: what is not UTF-8 shows as U+FFFD. Never open a file by it.
    package var description: String { String(decoding: bytes, as: UTF8.self) }

    package static func < (left: Self, right: Self) -> Bool {
        let order = left.order(to: right, upTo: min(left.bytes.count, right.bytes.count))
        return order < 0 || order == 0 && left.bytes.count < right.bytes.count
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.bytes.count == right.bytes.count && left.order(to: right, upTo: left.bytes.count) == 0
    }

    // What Swift makes by itself takes one byte at a time: a look at thousands of files spent a third of its time there.
    package func hash(into hasher: inout Hasher) {
        unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }

    /// As memcmp(3) has it.
    private func order(to other: Self, upTo byteCount: Int) -> Int32 {
        unsafe bytes.withUnsafeBytes { own in
            unsafe other.bytes.withUnsafeBytes { others in
                guard let own = own.baseAddress, let others = others.baseAddress else { return 0 }
                return unsafe memcmp(own, others, byteCount)
            }
        }
    }
}
