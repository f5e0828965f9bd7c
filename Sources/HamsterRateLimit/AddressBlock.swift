package import HamsterCore

/// Where a connection comes from, as far as limits tell sources apart: an IPv4 address, or the /64 of an IPv6 address, of
/// which one host has all (RFC 6177).
package struct AddressBlock: Sendable, Hashable {
    private let isIPv6: Bool
    private let bits: UInt64

    package init(_ address: IPAddress) {
        isIPv6 = address.bytes.count > 4
        bits = address.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
