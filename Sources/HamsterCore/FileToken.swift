/// The client's name for a file's content: the same across renames and restarts, another after a truncation.
/// Opaque to the server: 1 to 128 characters of `[A-Za-z0-9._-]`.
package struct FileToken: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    /// Nil where the text breaks the rule above.
    package init?(_ text: String) {
        let isLegal = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isLegal, (1...128).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    package var description: String { text }
}

/// What a server keys its knowledge of an acknowledged stream by.
package struct FileKey: Sendable, Hashable {
    package var host: String
    package var file: FileToken

    package init(host: String, file: FileToken) {
        self.host = host
        self.file = file
    }
}
