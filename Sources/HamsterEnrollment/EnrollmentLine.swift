internal import HamsterCore
package import HamsterProtocol
internal import HamsterTLS

/// What stands in the place of `INIT STREAM` where a host asks for a certificate.
package enum EnrollmentLine: Sendable, Hashable {
    /// `ENROLL token-id proof:HEX request:HEX`: of a host that has a token and no certificate.
    case enroll(tokenID: String, proof: [UInt8], request: [UInt8])
    /// `RENEW request:HEX`: of a host whose certificate is still good.
    case renew(request: [UInt8])

    /// Reads one line without its LF. What is thrown becomes a 400.
    package init(parsing line: [UInt8]) throws(ProtocolError) {
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        func value(_ word: ArraySlice<UInt8>, of key: String) -> [UInt8]? {
            guard word.starts(with: "\(key):".utf8) else { return nil }
            return Hexadecimal.bytes(of: String(decoding: word.dropFirst(key.utf8.count + 1), as: UTF8.self))
        }
        if words.count == 4, words[0].elementsEqual("ENROLL".utf8), let proof = value(words[2], of: "proof"),
            let request = value(words[3], of: "request")
        {
            self = .enroll(tokenID: String(decoding: words[1], as: UTF8.self), proof: proof, request: request)
        } else if words.count == 2, words[0].elementsEqual("RENEW".utf8), let request = value(words[1], of: "request") {
            self = .renew(request: request)
        } else {
            // Not quoted: it may hold half a proof.
            throw ProtocolError(.malformed, "expected 'ENROLL token-id proof:HEX request:HEX' or 'RENEW request:HEX'")
        }
    }

    /// The line's bytes, LF included.
    package var bytes: [UInt8] {
        switch self {
        case .enroll(let tokenID, let proof, let request):
            Array(
                "ENROLL \(tokenID) proof:\(Hexadecimal.text(of: proof)) request:\(Hexadecimal.text(of: request))\n".utf8
            )
        case .renew(let request): Array("RENEW request:\(Hexadecimal.text(of: request))\n".utf8)
        }
    }
}

/// `200 OK Certificate issued certificate:N ca:M`, with so many bytes of PEM behind it: the host's chain, then the root.
package struct EnrollmentGrant: Sendable, Hashable {
    /// More than a chain can be.
    package static let bytesMax = 256 * 1_024
    private static let head = "200 OK Certificate issued"

    package var certificateByteCount: Int
    package var rootByteCount: Int
    /// Where the host is to send, if that is another port than this one.
    package var streamPort: Int?

    package init(certificateByteCount: Int, rootByteCount: Int, streamPort: Int? = nil) {
        self.streamPort = streamPort
        self.certificateByteCount = certificateByteCount
        self.rootByteCount = rootByteCount
    }

    /// Nil for another line; throws for one that promises too much.
    package init?(parsing line: [UInt8]) throws(ProtocolError) {
        guard line.starts(with: "\(Self.head) ".utf8) else { return nil }
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        func count(_ key: String) -> Int? {
            words.first { $0.hasPrefix("\(key):") }.flatMap { Int($0.dropFirst(key.count + 1)) }
        }
        guard let certificate = count("certificate"), let root = count("ca"),
            (1...Self.bytesMax).contains(certificate), (0...Self.bytesMax).contains(root)
        else { throw ProtocolError(.unexpected, "no sizes in '\(printable(line))'") }
        let port = count("port")
        guard port.map({ (1...65_535).contains($0) }) ?? true else {
            throw ProtocolError(.unexpected, "no port in '\(printable(line))'")
        }
        self.init(certificateByteCount: certificate, rootByteCount: root, streamPort: port)
    }

    /// The line's bytes, LF included.
    package var bytes: [UInt8] {
        let port = streamPort.map { " port:\($0)" } ?? ""
        return Array("\(Self.head) certificate:\(certificateByteCount) ca:\(rootByteCount)\(port)\n".utf8)
    }
}
