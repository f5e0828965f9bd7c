import HamsterTesting
import Testing

/// A host with a valid certificate takes its time: the handshake and the request together have one deadline.
struct HostsAreSlowOnPurposeTests {
    /// In seconds. A handshake of these tests has a quarter of it, which is little under a sanitizer.
    private static let timeout = isSanitized ? 40 : 4
    private static let limits = "[limits]\nhandshake_timeout = \"\(timeout)s\""
    private static let pace = Duration.seconds(timeout) / 40
    /// Takes minutes at that pace.
    private static let request = Array("INIT STREAM web1:/a.log note:\(String(repeating: "a", count: 7_000))".utf8)

    @Test func `a handshake that comes byte by byte is cut off`() async throws {
        let siege = try await Siege(extra: Self.limits)
        let start = ContinuousClock.now

        let attacker = try TLSConnection(port: siege.deployment.port, as: siege.deployment.clientPair)
        let hello = try attacker.beginHandshake().map { [$0] }
        try await drip(hello, every: Self.pace, to: attacker.raw)

        expectCutOff(since: start)
        try await siege.server.waitForError("the TLS handshake was not done in time")
        try await siege.expectNoHarm(hosts: [])
    }

    @Test func `a request that comes byte by byte is cut off`() async throws {
        let siege = try await Siege(extra: Self.limits)
        let start = ContinuousClock.now

        let attacker = try await siege.attacker()
        let records = try Self.request.map { try attacker.encrypt([$0]) }
        try await drip(records, every: Self.pace, to: attacker.raw)

        expectCutOff(since: start)
        try await siege.server.waitForError("no stream was opened in time")
        try await siege.expectNoHarm(hosts: [])
    }

    @Test func `a slow handshake leaves less time for the request`() async throws {
        let siege = try await Siege(extra: Self.limits)
        let start = ContinuousClock.now

        let attacker = try TLSConnection(port: siege.deployment.port, as: siege.deployment.clientPair)
        let hello = try attacker.beginHandshake().map { [$0] }
        try await drip(hello, every: .seconds(Self.timeout) * 3 / 4 / hello.count, to: attacker.raw)
        try await attacker.handshake()
        let records = try Self.request.map { try attacker.encrypt([$0]) }
        try await drip(records, every: Self.pace, to: attacker.raw)

        // With a deadline for each it would have been after seven quarters of the time.
        expectCutOff(since: start)
        try await siege.server.waitForError("no stream was opened in time")
        try await siege.expectNoHarm(hosts: [])
    }

    /// Sends the pieces one by one, until they are sent or the server has closed.
    private func drip(_ pieces: [[UInt8]], every pace: Duration, to connection: RawConnection) async throws {
        var (rest, next) = (pieces[...], ContinuousClock.now)
        let _: Bool = try await awaited("the server to close") {
            guard !connection.hasEnded, let piece = rest.first else { return true }
            guard ContinuousClock.now >= next else { return nil }
            try await connection.send(piece)
            rest.removeFirst()
            next += pace
            return nil
        }
    }

    private func expectCutOff(since start: ContinuousClock.Instant, sourceLocation: SourceLocation = #_sourceLocation) {
        let elapsed = ContinuousClock.now - start
        let expected = Duration.seconds(Self.timeout) * 0.97...Duration.seconds(Self.timeout) * 1.62
        #expect(expected.contains(elapsed), "\(elapsed)", sourceLocation: sourceLocation)
    }
}
