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
        // Not as text: a combining character would join the `:` or the space before it to one Character.
        if line.starts(with: "### ".utf8) {
            self = .welcome
        } else if let digits = line.rest(behind: "STREAMID ") {
            self = .streamID(try Self.streamID(digits, line: line))
        } else if let digits = line.rest(behind: "ACK ") {
            guard let offset = UInt64(decimal: digits) else {
                throw ProtocolError(.unexpected, "no offset in '\(printable(line))'")
            }
            self = .acknowledged(offset)
        } else {
            self = try Self.reply(line)
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

    private static func streamID(_ digits: ArraySlice<UInt8>, line: [UInt8]) throws(ProtocolError) -> String {
        let isHex = digits.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        }
        guard isHex, digits.count == 12 else {
            throw ProtocolError(.unexpected, "no stream ID in '\(printable(line))'")
        }
        return String(decoding: digits, as: UTF8.self)
    }

    private static func reply(_ line: [UInt8]) throws(ProtocolError) -> ServerLine {
        let digits = line.prefix(while: { $0 != UInt8(ascii: " ") })
        guard digits.count == 3, let number = UInt64(decimal: digits) else {
            throw ProtocolError(.unexpected, "not a reply of this protocol: '\(printable(line))'")
        }
        let (text, attributes) = trailingAttributes(line.dropFirst(4))
        guard number != ReplyCode.ready.rawValue else {
            return .ready(try grant(attributes, line: line))
        }
        guard let code = ReplyCode(rawValue: Int(number)) else {
            throw ProtocolError(.unexpected, "unknown reply code in '\(printable(line))'")
        }
        let retry = attributes["retry"].flatMap { Int(String(decoding: $0, as: UTF8.self)) }
        return .refused(
            Reply(code, bytes: text, retrySeconds: retry.map { min(max(0, $0), ProtocolLimits.retrySecondsMax) }))
    }

    private static func grant(
        _ attributes: [String: ArraySlice<UInt8>], line: [UInt8]
    ) throws(ProtocolError) -> StreamGrant {
        var grant = StreamGrant(isCompressed: attributes["compress"]?.elementsEqual("zlib".utf8) == true)
        guard attributes["ack"]?.elementsEqual("1".utf8) == true else { return grant }
        guard let offset = attributes["offset"].flatMap({ UInt64(decimal: $0) }) else {
            throw ProtocolError(.unexpected, "acknowledgement granted without an offset: '\(printable(line))'")
        }
        grant.offset = offset
        if let check = attributes["check"] {
            guard let parsed = ContinuityCheck(String(decoding: check, as: UTF8.self)) else {
                throw ProtocolError(.unexpected, "check is not eight hex digits: '\(printable(line))'")
            }
            grant.check = parsed
        }
        grant.takesNext = attributes["next"]?.elementsEqual("1".utf8) == true
        return grant
    }

    /// Splits the known `key:value` words off the end; any other word belongs to the text.
    private static func trailingAttributes(
        _ words: ArraySlice<UInt8>
    ) -> (text: ArraySlice<UInt8>, attributes: [String: ArraySlice<UInt8>]) {
        var text = words
        var attributes: [String: ArraySlice<UInt8>] = [:]
        while true {
            let space = text.lastIndex(of: UInt8(ascii: " "))
            let word = text[(space.map { $0 + 1 } ?? text.startIndex)...]
            guard
                let key = ["ack", "offset", "check", "compress", "next", "retry"].first(where: { word.isValue(of: $0) })
            else { return (text, attributes) }
            attributes[key] = word.dropFirst(key.utf8.count + 1)
            text = text[..<(space ?? text.startIndex)]
        }
    }
}

extension [UInt8] {
    /// Nil where the bytes begin otherwise.
    fileprivate func rest(behind prefix: String) -> ArraySlice<UInt8>? {
        starts(with: prefix.utf8) ? dropFirst(prefix.utf8.count) : nil
    }
}

extension ArraySlice<UInt8> {
    /// Whether this is a word `key:value`.
    fileprivate func isValue(of key: String) -> Bool {
        starts(with: key.utf8) && dropFirst(key.utf8.count).first == UInt8(ascii: ":")
    }
}

extension StreamGrant {
    /// ` ack:1 offset:N check:C compress:zlib next:1`, as far as granted.
    fileprivate var attributes: String {
        var text = ""
        if let offset { text += " ack:1 offset:\(offset)" }
        if let check { text += " check:\(check)" }
        if isCompressed { text += " compress:zlib" }
        if takesNext { text += " next:1" }
        return text
    }
}

extension UInt64 {
    /// Digits only: no sign, no space, no more than a file can have (2^63 - 1).
    init?(decimal digits: some Collection<UInt8>) {
        guard !digits.isEmpty else { return nil }
        self = 0
        for byte in digits {
            let digit = UInt64(byte &- UInt8(ascii: "0"))
            guard digit <= 9, self <= (UInt64(Int64.max) - digit) / 10 else { return nil }
            self = self * 10 + digit
        }
    }
}
