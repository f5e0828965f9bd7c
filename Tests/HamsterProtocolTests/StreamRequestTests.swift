import HamsterCore
import HamsterProtocol
import HamsterTesting
import Testing

struct StreamRequestTests {
    @Test(arguments: 0..<500)
    func `what was written is read again`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let request = random.request()
        let line = request.line

        #expect(line.last == UInt8(ascii: "\n"))
        #expect(line.dropLast().allSatisfy { (0x20...0x7E).contains($0) })
        #expect(try StreamRequest(parsing: Array(line.dropLast())) == request)
    }

    @Test(arguments: 0..<300)
    func `a damaged line is refused or read, and never traps`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var line = random.request().line
        for _ in 0..<random.int(1...4) { line[random.int(0...line.count - 1)] = UInt8(random.int(0...255)) }

        do throws(ProtocolError) {
            let request = try StreamRequest(parsing: line)
            #expect(!request.source.path.bytes.contains(0))
        } catch {
            #expect(error.code == .malformed)
            #expect(error.reply.line.dropLast().allSatisfy { (0x20...0x7E).contains($0) })
        }
    }

    @Test func `the example of the protocol is understood`() throws {
        let request = try parse("INIT STREAM web1:/var/log/app.log svc:app env:prod ack:1 file:5f-1 offset:4096 size:5")

        #expect(request.source == StreamSource(host: "web1", path: SourcePath("/var/log/app.log")))
        #expect(request.service == "app")
        #expect(request.metadata == ["env": "prod"])
        #expect(request.acknowledgement == StreamRequest.Acknowledgement(file: try token("5f-1"), offset: 4_096))
        #expect(request.size == 5)
        #expect(!request.offersCompression)
    }

    @Test func `what is not asked for is not there`() throws {
        let plain = try parse("INIT STREAM web1:/a ack:0 file:x offset:7 compress:gzip")

        #expect(plain == StreamRequest(source: StreamSource(host: "web1", path: SourcePath("/a"))))
        #expect(try parse("INIT STREAM web1:/a ack:1 file:x").acknowledgement?.offset == 0)
    }

    @Test(arguments: [
        ("web1:/a:/b", "web1", "/a:/b"), ("[::1]:/a", "::1", "/a"), ("[::ffff:10.0.0.1]:/a", "::ffff:10.0.0.1", "/a"),
        ("a:/%20%25%0a%FF", "a", "/ %\n\u{FFFD}"), ("a%62:/c", "ab", "/c"), ("A_.-9:/x", "A_.-9", "/x"),
        ("a:/...", "a", "/..."), ("a:/.b", "a", "/.b"),
    ])
    func `the host ends at the first colon that a slash follows`(token: String, host: String, path: String) throws {
        let source = try parse("INIT STREAM \(token)").source
        #expect(source.host == host)
        #expect(source.path.description == path)
    }

    @Test func `a path's bytes need not be UTF-8`() throws {
        #expect(try parse("INIT STREAM a:/%FF%01x").source.path.bytes == [0x2F, 0xFF, 1, 0x78])
    }

    private func parse(_ line: String) throws -> StreamRequest { try StreamRequest(parsing: Array(line.utf8)) }

    private func token(_ text: String) throws -> FileToken { try #require(FileToken(text)) }
}

/// Every line that the protocol answers with 400, and the word that the reply must quote.
struct MalformedRequestTests {
    private func refusal(_ line: String) -> Reply? {
        do throws(ProtocolError) {
            _ = try StreamRequest(parsing: Array(line.utf8))
            return nil
        } catch {
            return error.reply
        }
    }

    @Test(arguments: [
        ("", "expected 'INIT STREAM host:/path'"), ("INIT", "'INIT'"), ("INIT STREAM", "'INIT STREAM'"),
        ("init stream a:/b", "'init stream a:/b'"), ("GET / HTTP/1.1", "'GET / HTTP/1.1'"),
        ("INIT  STREAM a:/b", "'INIT  STREAM a:/b'"), ("INIT STREAM  a:/b", "expected host:/path, got ''"),
        ("INIT\tSTREAM\ta:/b", "\\x09"), (" INIT STREAM a:/b", "' INIT STREAM a:/b'"),
    ])
    func `a line of another form`(line: String, quoted: String) {
        #expect(refusal(line)?.code == .malformed)
        #expect(refusal(line)?.text.contains(quoted) == true)
    }

    @Test(arguments: [
        ("a", "got 'a'"), ("a:b", "got 'a:b'"), ("/a", "got '/a'"), (":/a", "''"), (".a:/b", "'.a'"), ("-a:/b", "'-a'"),
        ("a b:/c", "got 'a'"), ("a%20b:/c", "'a b'"), ("é:/c", "must be percent-encoded"),
        ("a%C3%A9:/c", "xc3"),
        ("[::1:/a", "'[::1'"), ("[1.2.3.4]:/a", "not an IPv6 address"), ("[]:/a", "not an IPv6 address"),
        ("[fe80::1%25eth0]:/a", "not an IPv6 address"), ("[x::]:/a", "not an IPv6 address"), ("::1:/a", "'::1'"),
        ("a/b:/c", "'a/b'"), ("a%00:/c", "x00"), ("..:/c", "'..'"),
    ])
    func `an illegal host`(token: String, quoted: String) {
        #expect(refusal("INIT STREAM \(token)")?.code == .malformed)
        #expect(refusal("INIT STREAM \(token)")?.text.contains(quoted) == true)
    }

    @Test(arguments: [
        ("a:/", "''"), ("a:/b/", "''"), ("a:/b//c", "''"), ("a:/.", "'.'"), ("a:/b/..", "'..'"), ("a:/../b", "'..'"),
        ("a:/%2e%2e/b", "'..'"), ("a:/b%2F..%2Fc", "'..'"), ("a:/b%00c", "x00"), ("a:/%", "without two hex digits"),
        ("a:/%4", "without two hex digits"), ("a:/%4g", "without two hex digits"),
        ("a:/\u{7F}", "must be percent-encoded"),
        ("a:/\tb", "must be percent-encoded"),
    ])
    func `an illegal path`(token: String, quoted: String) {
        #expect(refusal("INIT STREAM \(token)")?.code == .malformed)
        #expect(refusal("INIT STREAM \(token)")?.text.contains(quoted) == true)
    }

    @Test(arguments: [
        ("svc", "got 'svc'"), (":x", "got ':x'"), ("Svc:x", "'Svc:x'"), ("9a:x", "'9a:x'"), ("a/b:x", "'a/b:x'"),
        ("", "got ''"), ("svc:a svc:b", "duplicate key 'svc'"), ("env:a env:a", "duplicate key 'env'"),
        ("svc:%zz", "without two hex digits"), ("svc:a\u{1}b", "must be percent-encoded"),
        ("ack:1", "ack:1 needs file:TOKEN"), ("ack:2", "got '2'"), ("ack:yes file:a", "got 'yes'"),
        ("ack: file:a", "got ''"),
        ("ack:1 file:", "got ''"), ("ack:1 file:a%2Fb", "got 'a/b'"), ("ack:1 file:a offset:-1", "got '-1'"),
        ("ack:1 file:a offset:+1", "got '+1'"), ("ack:1 file:a offset:", "got ''"), ("size:x", "got 'x'"),
        ("ack:1 file:a offset:9223372036854775808", "offset must be a number of bytes"), ("size:1.5", "got '1.5'"),
        ("size:99999999999999999999", "size must be a number of bytes"),
    ])
    func `an illegal key or value`(pairs: String, quoted: String) {
        #expect(refusal("INIT STREAM a:/b \(pairs)")?.code == .malformed)
        #expect(refusal("INIT STREAM a:/b \(pairs)")?.text.contains(quoted) == true)
    }

    @Test(arguments: [
        ("host of 253", String(repeating: "h", count: 253) + ":/a", true),
        ("host of 254", String(repeating: "h", count: 254) + ":/a", false),
        ("component of 255", "h:/" + String(repeating: "c", count: 255), true),
        ("component of 256", "h:/" + String(repeating: "c", count: 256), false),
        ("path of 4096", "h:" + String(repeating: "/" + String(repeating: "x", count: 127), count: 32), true),
        ("64 components", "h:" + String(repeating: "/x", count: 64), true),
        ("65 components", "h:" + String(repeating: "/x", count: 65), false),
        ("path of 4097", "h:" + String(repeating: "/" + String(repeating: "x", count: 127), count: 32) + "8", false),
        ("key of 32", "h:/a k" + String(repeating: "k", count: 31) + ":v", true),
        ("key of 33", "h:/a k" + String(repeating: "k", count: 32) + ":v", false),
        ("token of 128", "h:/a ack:1 file:" + String(repeating: "t", count: 128), true),
        ("token of 129", "h:/a ack:1 file:" + String(repeating: "t", count: 129), false),
        ("offset of 2^63-1", "h:/a ack:1 file:t offset:9223372036854775807", true),
    ])
    func `limits hold to the byte`(name: String, tokens: String, isLegal: Bool) {
        #expect((refusal("INIT STREAM " + tokens) == nil) == isLegal)
    }
}

extension SeededGenerator {
    mutating func request() -> StreamRequest {
        let path = (0..<int(1...4)).map { _ in component() }.reduce([]) { $0 + [UInt8(ascii: "/")] + $1 }
        var request = StreamRequest(
            source: StreamSource(
                host: pick(["web1", "A.b-c_d", "::1", "fe80::1:2", "::ffff:1.2.3.4"]), path: SourcePath(bytes: path)))
        request.service = text(0...5, of: "ab %é:/\n")
        request.offersCompression = bool()
        if bool() { request.size = UInt64(int(0...Int.max)) }
        if bool(), let file = FileToken(text(1...128, of: "aZ09._-")) {
            request.acknowledgement = .init(file: file, offset: UInt64(int(0...Int.max)))
        }
        for _ in 0..<int(0...3) {
            let key = text(1...1, of: "bcd") + text(0...31, of: "ab09_.-")
            request.metadata[key] = text(0...6, of: "x :%\"é\t~")
        }
        return request
    }

    private mutating func component() -> [UInt8] {
        let name = bytes(1...8, of: (1...255).filter { $0 != UInt8(ascii: "/") })
        return name.allSatisfy { $0 == UInt8(ascii: ".") } ? [UInt8(ascii: "x")] : name
    }
}
