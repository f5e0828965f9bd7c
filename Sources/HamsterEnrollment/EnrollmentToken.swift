internal import HamsterCore
internal import HamsterProtocol
internal import HamsterTLS

/// What lets a new host ask for its certificate, once: made by the server's operator, typed in on the host.
///
/// The host's name and the root's fingerprint in it are no secrets; ``secret`` is, and goes nowhere.
package struct EnrollmentToken: Sendable, Hashable {
    /// So that people and scanners for leaked secrets know what it is; the digit is the format's version.
    private static let prefix = "lhe1_"
    private static let idBytes = 8
    private static let secretBytes = 16
    private static let checkBytes = 4

    /// Names the token to the server, which keeps no more of the rest than it needs to verify a proof.
    package let id: String
    private let secret: [UInt8]
    /// SHA-256 of the certificate of the CA's root.
    package let rootDigest: [UInt8]
    /// The one host that may use it.
    package let host: String

    /// A new one, at random.
    package init(host: String, rootDigest: [UInt8]) {
        func random(_ count: Int) -> [UInt8] {
            var generator = SystemRandomNumberGenerator()
            return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        }
        id = Hexadecimal.text(of: random(Self.idBytes))
        secret = random(Self.secretBytes)
        self.rootDigest = rootDigest
        self.host = host
    }

    /// Reads what somebody typed or pasted; nil where a part is missing or wrong.
    package init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), let bytes = Base64URL.decode(String(text.dropFirst(Self.prefix.count)))
        else {
            return nil
        }
        var rest = bytes[...]
        func take(_ count: Int) -> [UInt8] {
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        id = Hexadecimal.text(of: take(Self.idBytes))
        secret = take(Self.secretBytes)
        rootDigest = take(Digest.byteCount)
        let check = take(Self.checkBytes)
        host = String(decoding: rest, as: UTF8.self)
        guard StreamSource.isHostName(host.utf8), check == self.check else { return nil }
    }

    /// For the command line: one word of letters, digits, `-` and `_`.
    package var text: String {
        Self.prefix + Base64URL.encode(idBytes + secret + rootDigest + check + Array(host.utf8))
    }

    private var idBytes: [UInt8] { Hexadecimal.bytes(of: id) ?? [] }

    /// Of all other parts: a word that was cut off or mistyped is no token.
    private var check: [UInt8] {
        Array(Digest.sha256(idBytes + secret + rootDigest + Array(host.utf8)).prefix(Self.checkBytes))
    }

    // The idea of the proof is that of SCRAM (RFC 5802): who steals the server's records can't enrol with them, and a proof is
    // worth nothing on another connection.

    /// What the server keeps to verify proofs: nobody can make one with it.
    package var verifier: [UInt8] { Digest.sha256(clientKey) }

    /// Shows that the sender has the token, on this connection and for this request alone.
    package func proof(channelBinding: [UInt8], request: [UInt8]) -> [UInt8] {
        let signature = Self.signature(id: id, verifier: verifier, channelBinding: channelBinding, request: request)
        return zip(clientKey, signature).map { $0 ^ $1 }
    }

    /// Whether a proof comes from who has the token with this verifier.
    package static func isProof(
        _ proof: [UInt8], id: String, verifier: [UInt8], channelBinding: [UInt8], request: [UInt8]
    ) -> Bool {
        let signature = signature(id: id, verifier: verifier, channelBinding: channelBinding, request: request)
        guard proof.count == signature.count, !channelBinding.isEmpty else { return false }
        return Digest.isEqual(Digest.sha256(zip(proof, signature).map { $0 ^ $1 }), verifier)
    }

    private var clientKey: [UInt8] { Digest.hmac(Array("log hamster enrolment".utf8), key: secret) }

    private static func signature(
        id: String, verifier: [UInt8], channelBinding: [UInt8], request: [UInt8]
    ) -> [UInt8] {
        Digest.hmac(Array("\(id)\n".utf8) + channelBinding + Digest.sha256(request), key: verifier)
    }
}
