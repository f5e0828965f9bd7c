internal import Glibc

/// `HOST:PORT` as the library's callers write it.
struct Endpoint {
    var host: String
    var port: Int

    private static let defaultPort = 7_007

    /// Nil where the text is something else.
    init?(_ text: String) {
        let isBracketed = text.hasPrefix("[")
        let hostEnd = isBracketed ? text.firstIndex(of: "]") : text.firstIndex(of: ":") ?? text.endIndex
        guard let hostEnd else { return nil }
        host = String(text[..<hostEnd].dropFirst(isBracketed ? 1 : 0))
        let rest = text[hostEnd...].dropFirst(isBracketed ? 1 : 0)
        let port = rest.isEmpty ? Self.defaultPort : rest.first == ":" ? Int(rest.dropFirst()) : nil
        guard !host.isEmpty, let port, (1...65_535).contains(port) else { return nil }
        self.port = port
    }

    static var systemHostName: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
        return String(decoding: bytes.prefix(while: { $0 != 0 }).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
