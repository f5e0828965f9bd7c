import HamsterProgram
import HamsterStatus
import HamsterTLS
import Testing

/// The table of certificates has the colours of the warnings in the log.
struct CertificateTableTests {
    private static let day: Int64 = 86_400
    private static let now: Int64 = 1_800_000_000
    private static let red = "\u{1B}[31m"
    private static let yellow = "\u{1B}[33m"

    @Test(
        arguments: [
            (365, 31, ""), (365, 29, yellow), (365, 6, red), (365, 0, red), (365, -1, red), (90, 40, ""), (6, 5, ""),
            (6, 2, ""), (6, 0, yellow), (30, 10, ""), (30, 6, yellow), (30, 0, red),
        ] as [(Int64, Int64, String)])
    func `a certificate is spoken of as late as its life is short`(life: Int64, daysLeft: Int64, colour: String) {
        let text = table(.own, life: life, daysLeft: daysLeft)

        #expect(text.contains("\(colour)\(daysLeft < 0 ? "expired" : "\(daysLeft)")"), "\(text)")
        #expect(!colour.isEmpty || !text.contains(Self.red) && !text.contains(Self.yellow), "\(text)")
    }

    @Test func `a list of revocations that is renewed each week is all right on its last day but one`() {
        #expect(!table(.revocationList, life: 7, daysLeft: 1).contains(Self.yellow))
        #expect(table(.revocationList, life: 7, daysLeft: 0).contains(Self.yellow))
    }

    @Test func `a document that has no beginnings is one of certificates that live for long`() {
        let document = JSON.object([
            .init("certificates", .array([.object([.init("not_after", .number(Self.now + 6 * Self.day))])]))
        ])

        #expect(Program.certificates(of: document, now: Self.now, Self.terminal).contains(Self.red))
    }

    private static var terminal: Presentation { .terminal(width: 200, hasStyles: true) }

    private func table(_ role: CredentialValidity.Role, life: Int64, daysLeft: Int64) -> String {
        // Half an hour into the day.
        let end = Self.now + daysLeft * Self.day + 1_800
        let credential = CredentialValidity(
            role: role, path: "/etc/server.pem", name: "CN=log", notBefore: end - life * Self.day, notAfter: end)
        let document = JSON.object([Program.status(of: [credential])])
        return Program.certificates(of: document, now: Self.now, Self.terminal)
    }
}
