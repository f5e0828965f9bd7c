/// What a peer sent that the protocol doesn't allow.
package struct ProtocolError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of violation; each maps to one reply code.
    package enum Code: Sendable, Hashable {
        /// The line, a key, the host or the path breaks the rules: 400.
        case malformed
        /// The line is longer than ``ProtocolLimits/lineBytesMax``: 413.
        case lineTooLong
        /// The compressed data is damaged: 400.
        case corruptCompression
        /// A reply came that this state doesn't know.
        case unexpected
    }

    package var code: Code
    /// What is wrong, with the offending token made printable.
    package var description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    static func malformed(_ description: String) -> Self { Self(.malformed, description) }

    /// The reply that tells the peer.
    package var reply: Reply {
        switch code {
        case .lineTooLong: Reply(.lineTooLong, description)
        case .malformed, .corruptCompression, .unexpected: Reply(.malformed, description)
        }
    }
}
