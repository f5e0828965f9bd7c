internal import HamsterCore

/// A line that a server sends, as a client understands it.
package enum ServerLine: Sendable, Hashable {
    /// `### …`: the text is for people.
    case welcome
    /// `STREAMID` and 12 lower-case hex digits.
    case streamID(String)
    case ready(StreamGrant)
    case refused(Reply)
    case acknowledged(UInt64)
}

extension ServerLine {
    /// Reads one line without its LF. Throws what a server of this protocol never sends.
    package init(parsing line: [UInt8]) throws(ProtocolError) {
        // A server sends printable ASCII. Anything else must not join the `:` or the space before it to one character.
        let text = String(decoding: line.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        if text.hasPrefix("### ") {
            self = .welcome
        } else if text.hasPrefix("STREAMID ") {
            self = .streamID(try Self.streamID(text.dropFirst(9), line: line))
        } else if text.hasPrefix("ACK ") {
            guard let offset = UInt64(decimal: text.dropFirst(4)) else {
                throw ProtocolError(.unexpected, "no offset in '\(printable(line))'")
            }
            self = .acknowledged(offset)
        } else {
            self = try Self.reply(text, line: line)
        }
    }

    /// The line's bytes, LF included.
    package var bytes: [UInt8] {
        switch self {
        case .welcome: Array("### Welcome to LogHamster server v0.1\n".utf8)
        case .streamID(let streamID): Array("STREAMID \(streamID)\n".utf8)
        case .ready(let grant): Array("200 OK Ready to accept data\(grant.attributes)\n".utf8)
        case .refused(let reply): reply.line
        case .acknowledged(let offset): Array("ACK \(offset)\n".utf8)
        }
    }

    private static func streamID(_ text: Substring, line: [UInt8]) throws(ProtocolError) -> String {
        let isHex = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        }
        guard isHex, text.utf8.count == 12 else {
            throw ProtocolError(.unexpected, "no stream ID in '\(printable(line))'")
        }
        return String(text)
    }

    private static func reply(_ text: String, line: [UInt8]) throws(ProtocolError) -> ServerLine {
        let digits = text.prefix(while: { $0 != " " })
        guard digits.utf8.count == 3, let number = Int(digits) else {
            throw ProtocolError(.unexpected, "not a reply of this protocol: '\(printable(line))'")
        }
        let (words, attributes) = trailingAttributes(text.dropFirst(4))
        guard number != ReplyCode.ready.rawValue else {
            return .ready(try grant(attributes, line: line))
        }
        guard let code = ReplyCode(rawValue: number) else {
            throw ProtocolError(.unexpected, "unknown reply code in '\(printable(line))'")
        }
        let retry = attributes["retry"].flatMap { Int($0) }.map { min(max(0, $0), ProtocolLimits.retrySecondsMax) }
        return .refused(Reply(code, words, retrySeconds: retry))
    }

    private static func grant(_ attributes: [String: String], line: [UInt8]) throws(ProtocolError) -> StreamGrant {
        var grant = StreamGrant(isCompressed: attributes["compress"] == "zlib")
        guard attributes["ack"] == "1" else { return grant }
        guard let offset = attributes["offset"].flatMap({ UInt64(decimal: $0[...]) }) else {
            throw ProtocolError(.unexpected, "acknowledgement granted without an offset: '\(printable(line))'")
        }
        grant.offset = offset
        if let check = attributes["check"] {
            guard let parsed = ContinuityCheck(check) else {
                throw ProtocolError(.unexpected, "check is not eight hex digits: '\(printable(line))'")
            }
            grant.check = parsed
        }
        return grant
    }

    /// Splits the known `key:value` words off the end; any other word belongs to the text.
    private static func trailingAttributes(_ text: Substring) -> (String, [String: String]) {
        let known: Set<Substring> = ["ack", "offset", "check", "compress", "retry"]
        var words = text.split(separator: " ", omittingEmptySubsequences: false)
        var attributes: [String: String] = [:]
        while let word = words.last, let colon = word.firstIndex(of: ":"), known.contains(word[..<colon]) {
            attributes[String(word[..<colon])] = String(word[word.index(after: colon)...])
            words.removeLast()
        }
        return (words.joined(separator: " "), attributes)
    }
}

extension StreamGrant {
    /// ` ack:1 offset:N check:C compress:zlib`, as far as granted.
    fileprivate var attributes: String {
        var text = ""
        if let offset { text += " ack:1 offset:\(offset)" }
        if let check { text += " check:\(check)" }
        if isCompressed { text += " compress:zlib" }
        return text
    }
}

extension UInt64 {
    /// Digits only: no sign, no space, no more than a file can have (2^63 - 1).
    init?(decimal text: Substring) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let value = UInt64(text), value <= UInt64(Int64.max)
        else { return nil }
        self = value
    }
}
