import HamsterProtocol

/// Any bytes are encoded in printable ASCII and decoded as the same; what is decoded is encoded and decoded as the same.
struct PercentEncodingTarget: FuzzTarget {
    let seeds = ["/var/log/app.log", "a%20b%25%fF", "%", "%2", "%%%", "\u{0}\u{7F}ü"].map { Array($0.utf8) }

    func check(_ input: [UInt8]) throws {
        try checkRoundTrip(input)
        switch Result(catching: { () throws(ProtocolError) in try PercentEncoding.decode(input[...]) }) {
        case .success(let decoded): try checkRoundTrip(decoded)
        case .failure(let error): try demandLine(error.reply.line)
        }
    }

    private func checkRoundTrip(_ bytes: [UInt8]) throws {
        var encoded: [UInt8] = []
        PercentEncoding.encode(bytes, into: &encoded)
        try demand(encoded.allSatisfy { (0x21...0x7E).contains($0) }, "not printable: \(encoded)")
        try demand((try? PercentEncoding.decode(encoded[...])) == bytes, "not the same: \(encoded)")
    }
}
