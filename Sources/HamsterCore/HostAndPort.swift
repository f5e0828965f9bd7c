/// `host:port`, where an IPv6 address stands in brackets.
package struct HostAndPort: Sendable, Hashable {
    /// A name or an address, the latter without brackets.
    package var host: String
    package var port: Int

    /// Nil where the text is something else. An empty host (`:8091`) means all addresses.
    package init?(_ text: String, defaultPort: Int? = nil) {
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = String(text[text.index(after: text.startIndex)..<end])
            guard !host.isEmpty, let port = Self.port(text[text.index(after: end)...], defaultPort) else { return nil }
            self.port = port
            return
        }
        let colon = text.lastIndex(of: ":") ?? text.endIndex
        guard !text[..<colon].contains(":"), let port = Self.port(text[colon...], defaultPort) else { return nil }
        host = text[..<colon].isEmpty ? "::" : String(text[..<colon])
        guard !text.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" }) else { return nil }
        self.port = port
    }

    private static func port(_ text: Substring, _ defaultPort: Int?) -> Int? {
        guard !text.isEmpty else { return defaultPort }
        guard text.first == ":", text.dropFirst().allSatisfy({ $0.isASCII && $0.isNumber }),
            let port = Int(text.dropFirst()), (0...65_535).contains(port)
        else { return nil }
        return port
    }

    /// Whether no other machine can reach it.
    package var isLoopback: Bool { Self.isLoopback(host) }

    /// Whether a host is this machine, by its name or address alone.
    package static func isLoopback(_ host: String) -> Bool {
        let octets = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return host == "localhost" || host == "::1"
            || (octets.count == 4 && octets.first == 127 && octets.allSatisfy { $0 != nil })
    }
}
