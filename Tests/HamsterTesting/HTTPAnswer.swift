/// What an HTTP server on loopback answers, taken from the connection byte by byte.
package struct HTTPAnswer: Sendable {
    package var status: Int
    /// With names in small letters.
    package var headers: [String: String]
    package var body: [UInt8]

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// Asks once, and waits until the server closes. `headers` are lines without their ends.
    package static func of(
        port: Int, _ path: String, method: String = "GET", version: String = "1.1", headers: [String] = []
    ) async throws -> HTTPAnswer {
        let connection = try RawConnection(port: port)
        try await connection.send(request(path, method: method, version: version, headers: headers))
        do {
            return try HTTPAnswer(parsing: try await connection.bytesUntilEnd())
        } catch {
            throw TestingError("\(method) \(path) of port \(port): \(error)")
        }
    }

    /// The bytes of a request without a body.
    package static func request(
        _ path: String, method: String = "GET", version: String = "1.1", headers: [String] = []
    ) -> String {
        (["\(method) \(path) HTTP/\(version)", "Host: localhost"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
    }

    package init(parsing bytes: [UInt8]) throws {
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: "\r\n\r\n".utf8) }) else {
            throw TestingError("no HTTP answer: '\(String(decoding: bytes, as: UTF8.self))'")
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, let status = Int(words[1]) else { throw TestingError("no status: \(lines)") }
        self.status = status
        headers = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        body = Array(bytes[(end + 4)...])
    }

    /// The value of a series, written as in the text: `name{label="value"}`; nil: it isn't there.
    package func value(_ series: String) -> Double? {
        text.split(separator: "\n").first { $0.hasPrefix("\(series) ") }
            .flatMap { Double($0.dropFirst(series.count + 1)) }
    }
}
