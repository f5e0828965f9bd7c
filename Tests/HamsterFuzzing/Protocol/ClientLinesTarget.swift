import HamsterCore
import HamsterProtocol
import NIOCore

/// All that a server sends. However the bytes are cut, the client does the same; acknowledgements never go back, and what
/// is no protocol is an error in one line.
struct ClientLinesTarget: FuzzTarget {
    private static let greeting = "### Welcome\nSTREAMID 9f2c1a4be07d\n"
    let seeds = [
        Pieces.input(
            greeting + "200 OK ack:1 offset:5 check:00000000 compress:zlib\nACK 5\nACK 7\r\n503 stop retry:1\n"),
        Pieces.input(greeting + "200 OK ack:1 offset:5\nACK 9\nACK 8\n", size: 2),
        Pieces.input(greeting + "409 busy retry:3\n", size: 1),
        Pieces.input("429 too many\n"), Pieces.input("SSH-2.0-OpenSSH_9.2\r\n"),
    ]

    func check(_ input: [UInt8]) throws {
        let pieces = Pieces(input)
        let actions = actions(pieces.pieces)
        try demand(actions == self.actions([pieces.whole[...]]), "it depends on how the bytes are cut: \(actions)")
        var acknowledged: UInt64 = 0
        for action in actions {
            switch action {
            case .acknowledged(let offset):
                try demand(offset >= acknowledged, "from \(acknowledged) back to \(offset)")
                acknowledged = offset
            case .start(let grant): acknowledged = grant.offset ?? 0
            case .fail(let error): try demandOneLine(error.description)
            case .refused(let reply): try demandLine(reply.line)
            case .none, .sendRequest: break
            }
        }
    }

    private func actions(_ pieces: [ArraySlice<UInt8>]) -> [ClientStream.Action] {
        let source = StreamSource(host: "web1", path: SourcePath("/a"))
        let acknowledgement = FileToken("f").map { StreamRequest.Acknowledgement(file: $0, offset: 0) }
        var stream = ClientStream(
            StreamRequest(source: source, acknowledgement: acknowledgement, offersCompression: true))
        var (decoder, actions) = (LineDecoder(), [ClientStream.Action]())
        for piece in pieces {
            decoder.append(ByteBuffer(bytes: piece))
            do throws(ProtocolError) {
                while let line = try decoder.next() { actions.append(stream.received(try ServerLine(parsing: line))) }
            } catch {
                // The client closes the connection at this.
                return actions + [.fail(error)]
            }
        }
        return actions
    }
}
