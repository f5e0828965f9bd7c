import HamsterProtocol

/// A line of a client, `INIT STREAM …`. What is understood is written and understood again as the same; what is not gets a
/// reply that is one printable line.
struct RequestTarget: FuzzTarget {
    let seeds = [
        "INIT STREAM web1:/var/log/app.log svc:app env:prod",
        "INIT STREAM web1:/var/log/app.log svc:app ack:1 file:5f1d-c2_.a offset:4096 size:9223372036854775807",
        "INIT STREAM [2001:db8::1]:/var/log/a%20b%25%FF.log compress:zlib ack:0 key.with-all_0:%00%0A",
        "INIT STREAM \(String(repeating: "h", count: 253)):/\(String(repeating: "p", count: 255))/a/../b",
        "HELO there",
    ].map { Array($0.utf8) }

    func check(_ input: [UInt8]) throws {
        let request: StreamRequest
        do throws(ProtocolError) {
            request = try StreamRequest(parsing: input)
        } catch {
            try demandOneLine(error.description)
            return try demandLine(error.reply.line)
        }
        try demandLine(request.line)
        let again = try? StreamRequest(parsing: Array(request.line.dropLast()))
        try demand(again == request, "read again it is \(String(describing: again)), not \(request)")
    }
}
