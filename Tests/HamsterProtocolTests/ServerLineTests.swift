import HamsterCore
import HamsterProtocol
import HamsterTesting
import Testing

struct ServerLineTests {
    private func parse(_ text: String) throws(ProtocolError) -> ServerLine {
        try ServerLine(parsing: Array(text.utf8))
    }

    @Test(arguments: 0..<300)
    func `what was written is read again`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let line = random.serverLine()

        #expect(line.bytes.last == UInt8(ascii: "\n"))
        #expect(try ServerLine(parsing: Array(line.bytes.dropLast())) == line)
    }

    @Test func `the lines are those of the protocol, byte for byte`() throws {
        let grant = StreamGrant(offset: 9_216, check: ContinuityCheck(value: 0x1C29_1CA3), isCompressed: true)
        let lines: [(ServerLine, String)] = [
            (.streamID("9f2c1a4be07d"), "STREAMID 9f2c1a4be07d\n"),
            (.ready(StreamGrant()), "200 OK Ready to accept data\n"),
            (.ready(grant), "200 OK Ready to accept data ack:1 offset:9216 check:1c291ca3 compress:zlib\n"),
            (.acknowledged(20_480), "ACK 20480\n"),
            (.refused(Reply(.busy, "taken", retrySeconds: 5)), "409 taken retry:5\n"),
        ]
        for (line, text) in lines { #expect(String(decoding: line.bytes, as: UTF8.self) == text) }
        #expect(ServerLine.welcome.bytes.starts(with: "### ".utf8))
    }

    @Test(arguments: [
        "", "###", "STREAMID", "STREAMID 9f2c1a4be07", "STREAMID 9f2c1a4be07dd", "STREAMID 9F2C1A4BE07D", "ACK", "ACK ",
        "ACK -1", "ACK +1", "ACK 1 ", "ACK 1x", "ACK 9223372036854775808", "20 OK", "2000 OK", "abc", "418 teapot",
        "+40 x", "200 OK ack:1", "200 OK ack:1 offset:", "200 OK ack:1 offset:-1", "200 OK ack:1 offset:1 check:1",
        "200 OK ack:1 offset:1 check:+1234567", "200 OK ack:1 offset:1 check:1234567g", "\u{1B}[2J", "SSH-2.0-OpenSSH",
    ])
    func `what no server of this protocol sends is refused`(text: String) {
        #expect { _ = try parse(text) } throws: { ($0 as? ProtocolError)?.code == .unexpected }
    }

    @Test(arguments: [
        ("200 OK", nil, false), ("200", nil, false), ("200 other words ack:1 offset:5", 5, false),
        ("200 OK offset:5", nil, false), ("200 OK compress:gzip", nil, false),
        ("200 OK compress:zlib offset:7 ack:1", 7, true),
    ])
    func `a grant is what its words say`(text: String, offset: UInt64?, isCompressed: Bool) throws {
        #expect(try parse(text) == .ready(StreamGrant(offset: offset, isCompressed: isCompressed)))
    }

    @Test(arguments: [
        ("503 stop retry:1", "stop", 1), ("503 stop retry:x", "stop", nil), ("503 stop retry:-5", "stop", 0),
        ("503 retry:1 stop", "retry:1 stop", nil), ("503", "", nil), ("503 a:b c:d", "a:b c:d", nil),
        ("503 a \u{301}retry:1 retry:2", "a ??retry:1", 2), ("503 a check:\u{31B}# retry:1", "a", 1),
        ("503  retry:1 retry:2", "", 1),
    ])
    func `a refusal keeps its words and its wait`(text: String, words: String, retry: Int?) throws {
        #expect(try parse(text) == .refused(Reply(.unavailable, words, retrySeconds: retry)))
    }

    @Test func `no server can make a client wait for ever`() throws {
        guard case .refused(let reply) = try parse("429 x retry:9223372036854775807") else {
            Issue.record("no refusal")
            return
        }
        #expect(reply.retrySeconds == 3_600)
    }

    @Test(arguments: ["ACK \u{301}5", "STREAMID \u{301}9f2c1a4be07d", "200\u{301} OK", "###\u{20E3} x"])
    func `a combining character is no part of the word before it`(text: String) {
        #expect { _ = try parse(text) } throws: { ($0 as? ProtocolError)?.code == .unexpected }
    }

    @Test func `bytes that are not UTF-8 are refused or kept printable`() throws {
        guard case .refused(let reply) = try ServerLine(parsing: Array("400 a".utf8) + [0xFF, 0x1B]) else {
            Issue.record("no refusal")
            return
        }
        #expect(reply.line.dropLast().allSatisfy { (0x20...0x7E).contains($0) })
    }
}

struct ReplyTests {
    @Test func `a text is one line of printable ASCII, cut at 200 characters`() {
        #expect(Reply(.malformed, "a\nb\u{1B}é").text == "a?b???")
        #expect(Reply(.malformed, String(repeating: "x", count: 300)).text.count == 200)
    }

    @Test func `the codes end the connection and last as the protocol says`() {
        #expect(ReplyCode.allCases.filter(\.endsConnection).map(\.rawValue) == [413, 429, 500, 503])
        #expect(ReplyCode.allCases.filter(\.isLasting).map(\.rawValue) == [400, 403, 404, 413])
    }

    @Test(arguments: [
        (ProtocolError.Code.malformed, 400), (.lineTooLong, 413), (.corruptCompression, 400), (.unexpected, 400),
    ])
    func `each violation has its code`(code: ProtocolError.Code, number: Int) {
        #expect(ProtocolError(code, "x").reply.code.rawValue == number)
    }
}

extension SeededGenerator {
    fileprivate mutating func serverLine() -> ServerLine {
        switch int(0...4) {
        case 0: return .welcome
        case 1: return .streamID(text(12...12, of: "0123456789abcdef"))
        case 2: return .acknowledged(UInt64(int(0...Int.max)))
        case 3:
            var grant = StreamGrant(isCompressed: bool())
            if bool() { grant.offset = UInt64(int(0...Int.max)) }
            if grant.offset != nil, bool() { grant.check = ContinuityCheck(value: UInt32(int(0...0xFFFF_FFFF))) }
            return .ready(grant)
        default:
            let codes = ReplyCode.allCases.filter { $0 != .ready }
            let words = text(0...30, of: "ab :%'")
            return .refused(Reply(pick(codes), words, retrySeconds: bool() ? int(0...3_600) : nil))
        }
    }
}
