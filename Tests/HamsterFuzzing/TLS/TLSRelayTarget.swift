import HamsterTLS
import HamsterTesting

/// Two real ends, and somebody between them who changes, cuts, repeats, delays and adds records. What an end receives is
/// the beginning of what the other sent, and all of it where nothing was touched.
struct TLSRelayTarget: FuzzTarget {
    private static let roundsMax = 20
    private static let clientText = Array("from the client".utf8)
    private static let serverText = [UInt8](repeating: UInt8(ascii: "s"), count: 40_000)

    let seeds =
        [[]]
        + RelayEdit.Kind.allCases.flatMap { kind in
            [(true, 0), (true, 2), (false, 0), (false, 3)].map { isToServer, record in
                RelayEdit.input(isToServer: isToServer, kind, record: record)
            }
        }
    private let credentials: FuzzCredentials
    private let serverContext: TLSContext

    init() async throws {
        credentials = try await FuzzCredentials()
        serverContext = try credentials.serverContext()
    }

    func check(_ input: [UInt8]) throws {
        let client = try TLSEnd(credentials.clientContext(), greeting: Self.clientText)
        let server = try TLSEnd(serverContext, greeting: Self.serverText)
        let edits = RelayEdit.edits(input)
        var toServer = Relay(edits.filter(\.isToServer))
        var toClient = Relay(edits.filter { !$0.isToServer })
        for _ in 0..<Self.roundsMax {
            let isToServer = try Self.carry(client, server, &toServer)
            let isToClient = try Self.carry(server, client, &toClient)
            guard isToServer || isToClient else { break }
        }
        try demand(Self.clientText.starts(with: server.received), "the server received what the client did not send")
        try demand(Self.serverText.starts(with: client.received), "the client received what the server did not send")
        if edits.allSatisfy({ $0.kind == .split }) {
            let isWhole = server.received == Self.clientText && client.received == Self.serverText
            try demand(isWhole, "\(server.received.count) and \(client.received.count) bytes arrived")
        }
        try client.finish()
        try server.finish()
    }

    private static func carry(_ sender: TLSEnd, _ receiver: TLSEnd, _ relay: inout Relay) throws -> Bool {
        let records = TLSRecords.split(try sender.takeOutput())
        for record in records where !relay.hasEnded {
            for piece in relay.pieces(of: record) { try receiver.receive(piece) }
            if relay.hasEnded { receiver.endInput() }
        }
        return !records.isEmpty
    }
}
