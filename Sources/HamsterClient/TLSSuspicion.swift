internal import NIOCore

/// Recognizes a server that wants TLS by how it treats a client that speaks plain text: it waits for a handshake, which never
/// comes, says at most an alert, and closes.
struct TLSSuspicion {
    private static let advice = "TLS is off here ([target.tls], --insecure-plaintext)"
    /// Of the records of TLS, from change_cipher_spec to application_data (RFC 8446 section 5.1). No line begins so.
    private static let recordTypes: ClosedRange<UInt8> = 20...23

    /// Whether nothing has come yet.
    private var isDue: Bool

    init(isPlaintext: Bool) { isDue = isPlaintext }

    /// Takes what came. Not nil: it is TLS.
    mutating func error(in bytes: ByteBuffer) -> ClientError? {
        guard isDue, let first = bytes.readableBytesView.first else { return nil }
        isDue = false
        guard Self.recordTypes.contains(first) else { return nil }
        return .tls("the server speaks TLS: \(Self.advice)", isLasting: true)
    }

    /// The connection has ended. Not nil: before anything came.
    var errorAtEnd: ClientError? {
        isDue ? .interrupted("the server closed it without a word: if it wants TLS, \(Self.advice)") : nil
    }
}
