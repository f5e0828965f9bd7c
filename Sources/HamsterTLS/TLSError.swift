/// What went wrong in TLS: a code to decide by, and one line of text for people.
package struct TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of errors, for decisions; the text is in `TLSError.description`.
    package enum Code: Sendable, Hashable {
        /// Configuration: a file is missing, unreadable, too large or no regular file.
        case fileUnreadable
        /// Configuration: a file doesn't hold what it should, as PEM.
        case fileMalformed
        /// Configuration: a private key that its group or others may read or write.
        case keyReadableByOthers
        /// Configuration: a private key that needs a passphrase.
        case keyEncrypted
        /// Configuration: the private key is another certificate's.
        case keyMismatch
        /// Configuration: our own certificate has expired.
        case certificateExpired
        /// Configuration: our own certificate is not valid yet.
        case certificateNotYetValid
        /// Configuration: our own certificate is for the other end of a connection.
        case wrongPurpose
        /// Configuration: a revocation list that should have been renewed.
        case revocationListExpired
        /// Configuration: a revocation list from the future.
        case revocationListNotYetValid
        /// Configuration: settings that contradict each other or that OpenSSL refuses.
        case settingsRefused
        /// We refused the peer: its certificate is missing or didn't pass.
        case verification
        /// The peer refused us; `TLSError.alert` is its reason.
        case refusedByPeer
        /// The handshake failed for another reason than certificates.
        case handshake
        /// The handshake was not done in time.
        case handshakeTimeout
        /// The connection ended before the handshake was done.
        case closedDuringHandshake
        /// The connection ended without close_notify: bytes may be missing.
        case truncated
        /// After the handshake, the peer broke the rules of TLS.
        case protocolViolation
        /// More was written before the end of the handshake than may wait.
        case earlyWritesExceeded
    }

    /// Characters a description has at most.
    static let descriptionCharactersMax = 600

    package let code: Code
    /// The number of the TLS alert that the peer sent, if it sent one.
    package let alert: UInt8?
    /// One printable line of bounded length: who or which file, what was wrong, and what to do if that is known.
    package let description: String

    /// `subject` is the peer's name or the file's path.
    init(_ code: Code, _ subject: String, _ text: String, alert: UInt8? = nil) {
        self.code = code
        self.alert = alert
        description = "\(subject): \(text)".printable(limit: Self.descriptionCharactersMax)
    }
}
