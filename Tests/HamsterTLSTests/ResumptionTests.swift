import Foundation
import HamsterTesting
import Testing

@testable import HamsterTLS

/// When a server takes a session that a client had before, and when it asks for the certificate again.
struct ResumptionTests {
    private let credentials: Credentials

    init() throws { credentials = try Credentials() }

    private func client(_ issued: TestPKI.Issued) throws -> TLSContext {
        try credentials.client { $0 = credentials.clientConfiguration(issued) }
    }

    /// Makes the client hold a ticket of `server`.
    private func meet(_ client: TLSContext, _ server: TLSContext) throws {
        let first = try JoinedSessions(client: client, server: server)
        try first.handshake()
        _ = try first.send("brings the ticket along", from: first.server, to: first.client)
    }

    @Test func `a session is resumed after the network has cut the connection`() throws {
        let (client, server) = (try credentials.client(), try credentials.server())
        // Both ends are gone without a word.
        try meet(client, server)
        let again = try JoinedSessions(client: client, server: server)

        try again.handshake()

        #expect(try again.server.negotiated().isResumed)
    }

    @Test func `a reload drops all tickets`() throws {
        let client = try credentials.client()
        try meet(client, credentials.server())
        let again = try JoinedSessions(client: client, server: credentials.server())

        try again.handshake()

        #expect(try !again.server.negotiated().isResumed)
    }

    @Test func `a session does not outlive its certificate, and the client hears why`() throws {
        let clock = ManualClock()
        let end = Date(timeIntervalSinceNow: 3_600)
        let client = try client(credentials.pki.issue("short", .init(notAfter: end)))
        let server = try credentials.server(clock: clock)
        try meet(client, server)
        clock.advance(by: .seconds(3_500))
        let again = try JoinedSessions(client: client, server: server)
        try again.handshake()
        #expect(try again.server.negotiated().isResumed)
        clock.advance(by: .seconds(200))

        let errors = try JoinedSessions(client: client, server: server).refusals()

        #expect(errors.server?.description.hasPrefix("client: certificate of 'CN=web1' expired at 2") == true)
        #expect(errors.client?.alert == 45)
    }

    @Test func `a session is not resumed once the revocation list has expired`() throws {
        let clock = ManualClock()
        let end = Date(timeIntervalSinceNow: 3_600)
        let crl = try credentials.pki.revocationList("short", revoking: [], nextUpdate: end)
        let (client, server) = (
            try credentials.client(), try credentials.server(clock: clock) { $0.crl = crl }
        )
        try meet(client, server)
        clock.advance(by: .seconds(3_700))

        let errors = try JoinedSessions(client: client, server: server).refusals()

        #expect(
            errors.server?.description.contains("the revocation list of 'CN=Test CA' in \(crl) expired at 2") == true)
        #expect(errors.client?.alert != nil)
    }

    @Test(arguments: [(10, true), (300, false)])
    func `a certificate of many names gets no ticket, which would not fit the next handshake`(
        nameCount: Int, isResumed: Bool
    ) throws {
        let names = (0..<nameCount).map { "DNS:host-\($0).example.com" }.joined(separator: ",")
        let client = try client(credentials.pki.issue("many", .init(names: names)))
        let server = try credentials.server()
        try meet(client, server)
        let again = try JoinedSessions(client: client, server: server)

        try again.handshake()

        #expect(try again.server.negotiated().isResumed == isResumed)
    }

    @Test func `a chain that is larger than any is refused`() throws {
        let names = (0..<1_200).map { "DNS:host-\($0).example.com" }.joined(separator: ",")
        let client = try client(credentials.pki.issue("huge", .init(names: names)))

        let errors = try JoinedSessions(client: client, server: credentials.server()).refusals()

        #expect(errors.server?.description.contains("a chain of certificates may have 24576 bytes") == true)
    }

    @Test func `a resumed connection of a client with an intermediate CA passes when it is judged once more`() throws {
        let intermediate = try credentials.pki.issue("middle", .init(subject: "/CN=Middle CA", names: "", isCA: true))
        let issued = try credentials.pki.issue("below", .init(), by: intermediate)
        let chain =
            try String(contentsOfFile: issued.certificate, encoding: .utf8)
            + String(contentsOfFile: intermediate.certificate, encoding: .utf8)
        try chain.write(toFile: issued.certificate, atomically: true, encoding: .utf8)
        let (client, server) = (try client(issued), try credentials.server())
        try meet(client, server)
        let again = try JoinedSessions(client: client, server: server)
        try again.handshake()
        #expect(try again.server.negotiated().isResumed)

        #expect(TLSRecheck(by: try credentials.server()).objection(to: again.server) == nil)
        let other = try credentials.pki.makeCA("other", subject: "/CN=Other CA")
        let stranger = try credentials.server { $0.clientCA = other.certificate }
        #expect(TLSRecheck(by: stranger).objection(to: again.server)?.contains("'CN=Test CA'") == true)
    }

    @Test func `a client that was cut off in its handshake begins afresh`() throws {
        let (client, server) = (try credentials.client(), try credentials.server())
        try meet(client, server)
        _ = try JoinedSessions(client: client, server: server).client.closedDuringHandshake()
        let again = try JoinedSessions(client: client, server: server)

        try again.handshake()

        #expect(try !again.server.negotiated().isResumed)
    }
}
