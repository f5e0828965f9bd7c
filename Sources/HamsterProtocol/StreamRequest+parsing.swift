package import HamsterCore

extension StreamRequest {
    /// Reads one line without its LF. What is thrown becomes a 400 that names the offending token.
    package init(parsing line: [UInt8]) throws(ProtocolError) {
        let tokens = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard tokens.count >= 3, tokens[0].elementsEqual("INIT".utf8), tokens[1].elementsEqual("STREAM".utf8) else {
            throw .malformed("expected 'INIT STREAM host:/path', got '\(printable(line))'")
        }
        var values = try Self.pairs(tokens.dropFirst(3))
        self.init(source: try StreamSource(decoding: PercentEncoding.decode(tokens[2])))
        service = values.removeValue(forKey: "svc") ?? ""
        offersCompression = values.removeValue(forKey: "compress") == "zlib"
        size = try Self.number("size", values.removeValue(forKey: "size"))
        asksForNext = values.removeValue(forKey: "next") == "1"
        let offset = try Self.number("offset", values.removeValue(forKey: "offset"))
        let file = values.removeValue(forKey: "file")
        if try Self.asksForAcknowledgement(values.removeValue(forKey: "ack")) {
            guard let file else { throw .malformed("ack:1 needs file:TOKEN") }
            guard let token = FileToken(file) else {
                throw .malformed("file must be 1 to 128 of A-Z a-z 0-9 . _ -, got '\(printable(file.utf8))'")
            }
            acknowledgement = Acknowledgement(file: token, offset: offset ?? 0)
        }
        metadata = values
    }

    /// Reads what stands behind `INIT STREAM` as a person writes it: words without percent-encoding.
    package init(words: [String]) throws(ProtocolError) {
        var line = Array("INIT STREAM".utf8)
        for word in words {
            line.append(UInt8(ascii: " "))
            PercentEncoding.encode(word.utf8, into: &line)
        }
        try self.init(parsing: line)
    }

    private static func pairs(_ tokens: ArraySlice<ArraySlice<UInt8>>) throws(ProtocolError) -> [String: String] {
        var values: [String: String] = [:]
        for token in tokens {
            guard let colon = token.firstIndex(of: UInt8(ascii: ":")), isKey(token[..<colon]) else {
                throw .malformed("expected key:value separated by single spaces, got '\(printable(token))'")
            }
            let key = String(decoding: token[..<colon], as: UTF8.self)
            let value = try PercentEncoding.decode(token[(colon + 1)...])
            guard values.updateValue(String(decoding: value, as: UTF8.self), forKey: key) == nil else {
                throw .malformed("duplicate key '\(key)'")
            }
        }
        return values
    }

    /// `[a-z][a-z0-9_.-]{0,31}`
    package static func isKey(_ bytes: some Collection<UInt8>) -> Bool {
        guard let first = bytes.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first), bytes.count <= 32 else {
            return false
        }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    private static func number(_ key: String, _ text: String?) throws(ProtocolError) -> UInt64? {
        guard let text else { return nil }
        guard let value = UInt64(decimal: text.utf8) else {
            throw .malformed("\(key) must be a number of bytes, got '\(printable(text.utf8))'")
        }
        return value
    }

    private static func asksForAcknowledgement(_ text: String?) throws(ProtocolError) -> Bool {
        switch text {
        case nil, "0": false
        case "1": true
        case .some(let other): throw .malformed("ack must be 1, got '\(printable(other.utf8))'")
        }
    }
}

extension StreamSource {
    /// Reads a decoded `host:/path`. The host ends at the first `:` that is followed by `/`.
    init(decoding token: [UInt8]) throws(ProtocolError) {
        let separator = token.indices.dropLast().first { index in
            token[index] == UInt8(ascii: ":") && token[index + 1] == UInt8(ascii: "/")
        }
        guard let separator else { throw .malformed("expected host:/path, got '\(printable(token))'") }
        self.init(
            host: try Self.host(token[..<separator]),
            path: try SourcePath(validating: Array(token[(separator + 1)...])))
    }

    private static func host(_ bytes: ArraySlice<UInt8>) throws(ProtocolError) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        if bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") {
            let address = String(text.dropFirst().dropLast())
            guard address.contains(":"), IPAddress(address) != nil else {
                throw .malformed("not an IPv6 address: '\(printable(bytes))'")
            }
            return address
        }
        guard isHostName(bytes) else {
            throw .malformed(
                "host must be 1 to 253 of A-Z a-z 0-9 . _ - and not begin with . or -: '\(printable(bytes))'")
        }
        return text
    }

    /// Whether `bytes` may stand as a host in `INIT STREAM`.
    package static func isHostName(_ bytes: some Collection<UInt8>) -> Bool {
        guard (1...ProtocolLimits.hostBytesMax).contains(bytes.count), bytes.first != UInt8(ascii: "."),
            bytes.first != UInt8(ascii: "-")
        else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}

extension SourcePath {
    /// Throws unless the path is absolute, short enough, and every component is a plain name.
    package init(validating bytes: [UInt8]) throws(ProtocolError) {
        guard bytes.first == UInt8(ascii: "/"), bytes.count <= ProtocolLimits.pathBytesMax else {
            throw .malformed("path must be absolute and at most 4096 bytes: '\(printable(bytes))'")
        }
        self.init(bytes: bytes)
        guard components.count <= ProtocolLimits.componentsMax else {
            throw .malformed("path has more than \(ProtocolLimits.componentsMax) components")
        }
        for component in components {
            guard (1...ProtocolLimits.componentBytesMax).contains(component.count), !component.contains(0),
                !component.elementsEqual(".".utf8), !component.elementsEqual("..".utf8)
            else {
                throw .malformed(
                    "path component must be 1 to 255 bytes, not . or .., without NUL: '\(printable(component))'")
            }
        }
    }
}
