package import HamsterCore

/// The three digits that open a server's reply.
package enum ReplyCode: Int, Sendable, Hashable, CaseIterable {
    case ready = 200
    case malformed = 400
    case forbidden = 403
    case noOutput = 404
    case busy = 409
    case lineTooLong = 413
    case limitReached = 429
    case serverFailed = 500
    case unavailable = 503
    case outputFailed = 507

    /// After these the server closes at once; after the others a client may try `INIT STREAM` again.
    package var endsConnection: Bool {
        switch self {
        case .lineTooLong, .limitReached, .serverFailed, .unavailable: true
        case .ready, .malformed, .forbidden, .noOutput, .busy, .outputFailed: false
        }
    }

    /// A refusal that will not mend by itself: reported once, then tried again only slowly.
    package var isLasting: Bool {
        switch self {
        case .malformed, .forbidden, .noOutput, .lineTooLong: true
        case .ready, .busy, .limitReached, .serverFailed, .unavailable, .outputFailed: false
        }
    }
}

/// `CODE text [key:value …]`: one line from the server.
package struct Reply: Error, Sendable, Hashable, CustomStringConvertible {
    package var code: ReplyCode
    /// Printable, at most 200 characters.
    package var text: String
    /// Seconds that the client should wait before it comes again.
    package var retrySeconds: Int?

    package init(_ code: ReplyCode, _ text: String, retrySeconds: Int? = nil) {
        self.init(code, bytes: text.utf8, retrySeconds: retrySeconds)
    }

    init(_ code: ReplyCode, bytes: some Sequence<UInt8>, retrySeconds: Int?) {
        self.code = code
        text = printableText(bytes)
        self.retrySeconds = retrySeconds
    }

    package var description: String { "\(code.rawValue) \(text)" }

    /// The line's bytes, LF included.
    package var line: [UInt8] {
        var line = "\(code.rawValue) \(text)"
        if let retrySeconds { line += " retry:\(retrySeconds)" }
        return Array(line.utf8) + [UInt8(ascii: "\n")]
    }
}

/// Keeps a reply one line of printable ASCII, whatever was quoted in it.
private func printableText(_ bytes: some Sequence<UInt8>) -> String {
    let bytes = bytes.prefix(ProtocolLimits.replyTextMax).map { byte in
        (0x20...0x7E).contains(byte) ? byte : UInt8(ascii: "?")
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// What `200 OK` grants.
package struct StreamGrant: Sendable, Hashable {
    /// Nil for a plain stream; else where the client must start.
    package var offset: UInt64?
    /// Of the bytes before `offset`, where the server has a record and enough of them.
    package var check: ContinuityCheck?
    package var isCompressed: Bool
    /// With the last byte of the announced size the stream is over, and the connection takes another `INIT STREAM`.
    package var takesNext = false

    package init(offset: UInt64? = nil, check: ContinuityCheck? = nil, isCompressed: Bool = false) {
        self.offset = offset
        self.check = check
        self.isCompressed = isCompressed
    }
}
