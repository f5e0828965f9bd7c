import HamsterProtocol

/// A line of a server. What is understood is written and understood again as the same.
struct ServerLineTarget: FuzzTarget {
    let seeds = [
        "### Welcome to LogHamster server v0.1", "STREAMID 9f2c1a4be07d", "200 OK Ready to accept data",
        "200 OK Ready to accept data ack:1 offset:9216 check:1c291ca3 compress:zlib", "ACK 9223372036854775807",
        "409 web1:/var/log/app.log is being written retry:5", "503 retry:99999999999999999999 a:b",
        "400 a ack:0 check:\u{31B}\u{305}# retry:1",
    ].map { Array($0.utf8) }

    func check(_ input: [UInt8]) throws {
        let line: ServerLine
        do throws(ProtocolError) {
            line = try ServerLine(parsing: input)
        } catch {
            return try demandOneLine(error.description)
        }
        try demandLine(line.bytes)
        let again = try? ServerLine(parsing: Array(line.bytes.dropLast()))
        if case .refused(let reply) = line, reply.text.utf8.count == ProtocolLimits.replyTextMax {
            // The cut may have left a word at the end that is read as an attribute.
            guard case .refused(let other) = again else { throw Violation("read again it is no refusal") }
            return try demand(other.code == reply.code, "read again it is \(other), not \(reply)")
        }
        try demand(again == line, "read again it is \(String(describing: again)), not \(line)")
    }
}
