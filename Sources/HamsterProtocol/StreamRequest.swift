package import HamsterCore

/// `INIT STREAM host:/path key:value …`: what a client asks for.
package struct StreamRequest: Sendable, Hashable {
    /// What only an acknowledged stream carries.
    package struct Acknowledgement: Sendable, Hashable {
        package var file: FileToken
        /// How far the client knows the file to be acknowledged.
        package var offset: UInt64

        package init(file: FileToken, offset: UInt64) {
            self.file = file
            self.offset = offset
        }
    }

    package var source: StreamSource
    /// The client's input name; empty where none was sent.
    package var service: String
    /// Nil for a plain stream.
    package var acknowledgement: Acknowledgement?
    /// The client offers `compress:zlib`.
    package var offersCompression: Bool
    /// The file is complete with so many bytes.
    package var size: UInt64?
    /// Another stream is to follow on the connection once ``size`` is acknowledged.
    package var asksForNext = false
    /// Every other key, for routing.
    package var metadata: [String: String]

    package init(
        source: StreamSource, service: String = "", acknowledgement: Acknowledgement? = nil,
        offersCompression: Bool = false, size: UInt64? = nil, metadata: [String: String] = [:]
    ) {
        self.source = source
        self.service = service
        self.acknowledgement = acknowledgement
        self.offersCompression = offersCompression
        self.size = size
        self.metadata = metadata
    }

    /// Whether another stream can follow this one on its connection, given where it starts and how it is sent: its end must
    /// be seen in the number of its bytes.
    package func hasNext(behind grant: StreamGrant) -> Bool {
        guard asksForNext, let size, let offset = grant.offset else { return false }
        return offset <= size && !grant.isCompressed
    }

    /// The keys that the protocol keeps for itself.
    package static let reservedKeys: Set<String> = ["svc", "ack", "file", "offset", "compress", "size", "next"]

    /// The line's bytes, LF included.
    package var line: [UInt8] {
        let host = source.host.contains(":") ? "[\(source.host)]" : source.host
        var line = Array("INIT STREAM \(host):".utf8)
        PercentEncoding.encode(source.path.bytes, into: &line)
        if !service.isEmpty { append("svc", service, to: &line) }
        if let acknowledgement {
            append("ack", "1", to: &line)
            append("file", acknowledgement.file.text, to: &line)
            append("offset", "\(acknowledgement.offset)", to: &line)
        }
        if offersCompression { append("compress", "zlib", to: &line) }
        if let size { append("size", "\(size)", to: &line) }
        if asksForNext { append("next", "1", to: &line) }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { append(key, value, to: &line) }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private func append(_ key: String, _ value: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: " "))
        line += key.utf8
        line.append(UInt8(ascii: ":"))
        PercentEncoding.encode(value.utf8, into: &line)
    }
}
