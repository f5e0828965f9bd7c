private import Glibc

/// An IPv4 or IPv6 address. An IPv4 address that is written as an IPv6 one is the IPv4 address (RFC 4291, 2.5.5.2).
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// 4 or 16 bytes in network order.
    package let bytes: [UInt8]

    private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]

    /// From 4 or 16 bytes in network order; nil where it is another number.
    package init?(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        switch bytes.count {
        case 4: self.bytes = bytes
        case 16: self.bytes = Array(bytes.starts(with: Self.mappedPrefix) ? bytes.suffix(4) : bytes[...])
        default: return nil
        }
    }

    /// From its usual form, without brackets, port or zone (inet_pton(3)).
    package init?(_ text: String) {
        guard !text.utf8.contains(0) else { return nil }
        let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
        var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
        guard inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, &bytes) == 1 else { return nil }
        self.init(bytes)
    }

    /// Its usual form (inet_ntop(3)).
    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
    }
}

/// A block of addresses, as in `10.0.0.0/8`, or one address alone.
package struct IPNetwork: Sendable, Hashable {
    private let base: IPAddress
    private let prefixLength: Int

    /// Nil where the text is neither; bits behind the prefix are ignored.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let base = parts.first.flatMap({ IPAddress(String($0)) }) else { return nil }
        self.base = base
        guard parts.count == 2 else {
            prefixLength = base.bytes.count * 8
            return
        }
        guard let length = Int(parts[1]), (0...base.bytes.count * 8).contains(length), parts[1].first != "+" else {
            return nil
        }
        prefixLength = length
    }

    package func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == base.bytes.count else { return false }
        let whole = prefixLength / 8
        guard address.bytes.prefix(whole) == base.bytes.prefix(whole) else { return false }
        guard prefixLength % 8 > 0 else { return true }
        let mask = ~(UInt8.max >> (prefixLength % 8))
        return address.bytes[whole] & mask == base.bytes[whole] & mask
    }
}
