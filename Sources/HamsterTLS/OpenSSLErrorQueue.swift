private import COpenSSL

/// OpenSSL's error queue. It belongs to the thread, and one event loop serves many connections: clear it before a
/// call and drain it right after, without anything in between.
enum OpenSSLErrorQueue {
    /// One entry, the oldest of which is usually the cause of the others.
    struct Entry {
        let isFromTLS: Bool
        let isFromPEM: Bool
        /// A number that means something only together with the library.
        let reason: Int32
        let text: String

        init(code: UInt) {
            isFromTLS = ERR_GET_LIB(code) == ERR_LIB_SSL
            isFromPEM = ERR_GET_LIB(code) == ERR_LIB_PEM
            reason = ERR_GET_REASON(code)
            text = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(String(code, radix: 16))"
        }
    }

    /// Entries read at most; what is beyond is dropped.
    static let entriesMax = 8

    static func clear() { ERR_clear_error() }

    /// Takes all entries, oldest first.
    static func drain() -> [Entry] {
        var entries: [Entry] = []
        while entries.count < entriesMax, case let code = ERR_get_error(), code != 0 {
            entries.append(Entry(code: code))
        }
        ERR_clear_error()
        return entries
    }

    /// Takes all entries and gives the oldest one's text.
    static func drainText() -> String { drain().first?.text ?? "unknown reason" }
}
