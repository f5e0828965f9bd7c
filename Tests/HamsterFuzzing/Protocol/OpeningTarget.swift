import HamsterCore
import HamsterProtocol
import NIOCore

/// All that a client sends before its stream is open. However the bytes are cut, the server does the same: it answers in
/// printable lines, and closes after three refusals at the latest.
struct OpeningTarget: FuzzTarget {
    let seeds = [
        Pieces.input("INIT STREAM web1:/a svc:b\nrest of the stream"),
        Pieces.input("INIT\r\n\nINIT STREAM web1:/a ack:1 file:x\r\nINIT STREAM", size: 3),
        Pieces.input("INIT STREAM web1:/refused\nINIT STREAM web1:/refused\nINIT STREAM web1:/a\n", size: 1),
        Pieces.input(Array(repeating: UInt8(ascii: "x"), count: ProtocolLimits.lineBytesMax + 1), size: 200),
    ]

    private struct Outcome: Equatable {
        var actions: [ServerOpening.Action] = []
        var rest: [UInt8] = []
    }

    func check(_ input: [UInt8]) throws {
        let pieces = Pieces(input)
        let outcome = outcome(pieces.pieces)
        try demand(outcome == self.outcome([pieces.whole[...]]), "it depends on how the bytes are cut: \(outcome)")
        var refusals = 0
        for action in outcome.actions {
            switch action {
            case .refuse(let reply), .refuseAndClose(let reply):
                refusals += 1
                try demandLine(reply.line)
                try demand(reply.line.count <= ProtocolLimits.lineBytesMax, "a reply of \(reply.line.count) bytes")
            case .open(let request, _): try demand(request.source.path.bytes != Self.refused, "it was refused")
            case .awaitLine, .decide, .ignore: break
            }
        }
        try demand(refusals <= ProtocolLimits.attemptsMax, "\(refusals) attempts")
    }

    private static let refused = Array("/refused".utf8)

    private func outcome(_ pieces: [ArraySlice<UInt8>]) -> Outcome {
        var (decoder, opening, outcome) = (LineDecoder(), ServerOpening(), Outcome())
        for piece in pieces {
            decoder.append(ByteBuffer(bytes: piece))
            while opening.wantsLine, let action = next(&decoder, &opening) {
                outcome.actions.append(action)
                guard case .decide(let request) = action else { continue }
                let isRefused = request.source.path.bytes == Self.refused
                outcome.actions.append(
                    opening.decided(isRefused ? .failure(Reply(.noOutput, "no")) : .success(StreamGrant())))
            }
        }
        outcome.rest = Array(decoder.takeRest().readableBytesView)
        return outcome
    }

    private func next(_ decoder: inout LineDecoder, _ opening: inout ServerOpening) -> ServerOpening.Action? {
        do throws(ProtocolError) {
            return try decoder.next().map { opening.received(line: $0) }
        } catch {
            return opening.failed(error)
        }
    }
}
