import Testing

@testable import HamsterTLS

@Suite struct PrintableTextTests {
    @Test(arguments: [
        ("plain", "plain"), ("größer", "größer"), ("a\nb", "a\\u{a}b"), ("\u{1B}[31m", "\\u{1b}[31m"),
        ("x\u{202E}y", "x\\u{202e}y"), ("nul\0", "nul\\u{0}"), ("", ""),
    ])
    func `what isn't printable is escaped`(text: String, expected: String) {
        #expect(text.printable(limit: 100) == expected)
    }

    @Test func `long text is cut`() {
        #expect("abcdef".printable(limit: 3) == "abc…")
        #expect("abc".printable(limit: 3) == "abc")
    }

    @Test func `an error's text has a limit`() {
        let error = TLSError(.handshake, "peer", String(repeating: "x", count: 100_000))

        #expect(error.description.count == TLSError.descriptionCharactersMax + 1)
    }

    @Test(arguments: [
        (0, "1970-01-01 00:00:00 UTC"), (1_767_225_600, "2026-01-01 00:00:00 UTC"),
        (4_102_444_799, "2099-12-31 23:59:59 UTC"),
    ])
    func `times are written for people`(seconds: Int64, text: String) {
        #expect(CertificateTime(unixSeconds: seconds).description == text)
    }

    @Test func `the version of OpenSSL is known`() {
        #expect(OpenSSLVersion.text.hasPrefix("OpenSSL 3."))
    }
}
