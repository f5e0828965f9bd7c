import Foundation
import HamsterTLS
import HamsterTesting

/// What one end hears in a handshake, begun from recorded ones. It never takes such a peer for a verified one; it reports
/// one error at most, in one line, sends no more than an answer, and lets go of everything.
///
/// In TLS 1.3 little comes in plain text. So there are flights of TLS 1.2 too, where certificates are parsed and judged
/// before anything is proved.
struct TLSFlightTarget: FuzzTarget {
    /// The longest answer to a flight: the certificates, twice.
    private static let outputBytesMax = 16_384

    let seeds: [[UInt8]]
    private let credentials: FuzzCredentials
    private let makeContext: @Sendable () throws -> TLSContext

    /// The accepting end, which hears a ClientHello and what may follow.
    static func server() async throws -> Self {
        let credentials = try await FuzzCredentials()
        let context = try credentials.serverContext()
        let hello = try clientHello(credentials)
        let old = withoutVersion13(hello)
        let certificate = TLSRecords.certificate(try der(credentials.clientPair.certificate))
        let foreign = TLSRecords.certificate(try der(credentials.serverPair.certificate))
        let flights = [hello, old, old + certificate, old + foreign, hello + [20, 3, 3, 0, 1, 1], alert, plainText]
        return Self(flights, credentials) { context }
    }

    /// The connecting end, which hears a ServerHello and what may follow.
    static func client() async throws -> Self {
        let credentials = try await FuzzCredentials()
        let context = try credentials.serverContext()
        let hello = try clientHello(credentials)
        let flight = try answer(of: context, to: hello)
        let old = withoutDowngradeMark(try answer(of: context, to: withoutVersion13(hello)))
        let serverHello = TLSRecords.split(old).first ?? []
        let foreign = serverHello + TLSRecords.certificate(try der(credentials.clientPair.certificate))
        return Self([flight, old, foreign, alert, plainText], credentials) { try credentials.clientContext() }
    }

    private init(
        _ flights: [[UInt8]], _ credentials: FuzzCredentials, makeContext: @escaping @Sendable () throws -> TLSContext
    ) {
        seeds = flights.map { Pieces.input($0) } + flights.prefix(2).map { Pieces.input($0, size: 50) }
        self.credentials = credentials
        self.makeContext = makeContext
    }

    func check(_ input: [UInt8]) throws {
        let end = try TLSEnd(makeContext())
        var outputBytes = try end.takeOutput().count
        for piece in Pieces(input).pieces {
            try end.receive(piece)
            outputBytes += try end.takeOutput().count
        }
        try demand(!end.isEstablished && end.received.isEmpty, "an imitated peer was believed")
        try demand(outputBytes <= Self.outputBytesMax, "an answer of \(outputBytes) bytes")
        try end.finish()
    }

    private static let alert: [UInt8] = [21, 3, 3, 0, 2, 2, 40]
    private static let plainText = Array("INIT STREAM web1:/var/log/app.log svc:app\n".utf8)

    private static func clientHello(_ credentials: FuzzCredentials) throws -> [UInt8] {
        let end = try TLSEnd(credentials.clientContext())
        let hello = try end.takeOutput()
        // A channel that is not closed holds itself.
        try end.finish()
        return hello
    }

    private static func answer(of context: TLSContext, to hello: [UInt8]) throws -> [UInt8] {
        let end = try TLSEnd(context)
        try end.receive(hello)
        let answer = try end.takeOutput()
        try end.finish()
        return answer
    }

    /// Calls the extension supported_versions by a number that means nothing, which leaves TLS 1.2.
    private static func withoutVersion13(_ hello: [UInt8]) -> [UInt8] {
        replace([0, 43, 0, 5, 4, 3, 4, 3, 3], in: hello, with: [0xFA, 0xFA, 0, 5, 4, 3, 4, 3, 3])
    }

    /// Takes out what tells a client that its ClientHello was changed (RFC 8446, 4.1.3).
    private static func withoutDowngradeMark(_ flight: [UInt8]) -> [UInt8] {
        replace(Array("DOWNGRD\u{1}".utf8), in: flight, with: [UInt8](repeating: 7, count: 8))
    }

    private static func replace(_ bytes: [UInt8], in flight: [UInt8], with others: [UInt8]) -> [UInt8] {
        var flight = flight
        if let range = flight.firstRange(of: bytes) { flight.replaceSubrange(range, with: others) }
        return flight
    }

    /// The first certificate of a PEM file.
    private static func der(_ path: String) throws -> [UInt8] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            .drop { !$0.hasPrefix("-----BEGIN CERTIFICATE") }.dropFirst().prefix { !$0.hasPrefix("-----END") }
        guard let data = Data(base64Encoded: lines.joined()) else { throw TestingError("\(path): no certificate") }
        return Array(data)
    }
}
