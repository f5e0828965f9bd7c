import HamsterTesting

/// One connection: a stream of bytes in each direction, delivered in pieces when the schedule says so.
final class SimulatedConnection {
    enum Side: Int, Sendable { case client, server }

    /// What one side hears.
    enum Event: Sendable, Hashable {
        case bytes([UInt8])
        /// The peer has ended its direction in an orderly way.
        case ended
        /// The connection broke.
        case broken
    }

    private struct Inbound {
        var bytes: [UInt8] = []
        /// What comes behind the bytes.
        var end: Event?
        /// Nothing reaches this side any more: it has closed, heard the end, or is half open.
        var isDeaf = false
        /// Nothing that this side sends gets away.
        var isMute = false
    }

    let id: Int
    private var inbound = [Inbound(), Inbound()]
    /// Bytes in flight in one direction; a sender waits then.
    private static let windowBytes = 2048

    init(id: Int) { self.id = id }

    /// Whether this side may send more at present.
    func hasRoom(for side: Side) -> Bool { inbound[side.peer].bytes.count < Self.windowBytes }

    func send(_ bytes: [UInt8], from side: Side) {
        guard !inbound[side].isMute, !inbound[side.peer].isDeaf else { return }
        inbound[side.peer].bytes += bytes
    }

    /// Ends this side's direction in an orderly way (`close_notify`).
    func finish(from side: Side) {
        guard !inbound[side].isMute else { return }
        inbound[side].isMute = true
        if inbound[side.peer].end == nil { inbound[side.peer].end = .ended }
    }

    /// This side is gone; what was in flight may get there.
    func abandon(from side: Side) {
        if !inbound[side].isMute, inbound[side.peer].end == nil { inbound[side.peer].end = .broken }
        inbound[side].isMute = true
        inbound[side].isDeaf = true
        inbound[side].bytes = []
    }

    /// The network breaks the connection: part of what is in flight is lost, and only those in `noticing` hear of it.
    func cut(noticing sides: Set<Side>, _ random: inout SeededGenerator) {
        for side in [Side.client, .server] {
            inbound[side].isMute = true
            guard !inbound[side].isDeaf else { continue }
            inbound[side].bytes.removeLast(random.int(0...inbound[side].bytes.count))
            inbound[side].end = .broken
            if !sides.contains(side) {
                inbound[side].bytes = []
                inbound[side].isDeaf = true
            }
        }
    }

    func hasNews(for side: Side) -> Bool {
        !inbound[side].isDeaf && (!inbound[side].bytes.isEmpty || inbound[side].end != nil)
    }

    /// Neither side can hear anything any more.
    var isOver: Bool { inbound.allSatisfy(\.isDeaf) }

    /// The next piece for a side, of up to `bytesMax` bytes.
    func deliver(to side: Side, bytesMax: Int) -> Event? {
        guard hasNews(for: side) else { return nil }
        if !inbound[side].bytes.isEmpty {
            let piece = Array(inbound[side].bytes.prefix(bytesMax))
            inbound[side].bytes.removeFirst(piece.count)
            return .bytes(piece)
        }
        inbound[side].isDeaf = true
        if inbound[side].end == .broken { inbound[side].isMute = true }
        return inbound[side].end
    }
}

extension SimulatedConnection.Side {
    var peer: Self { self == .client ? .server : .client }
}

extension Array {
    fileprivate subscript(side: SimulatedConnection.Side) -> Element {
        get { self[side.rawValue] }
        set { self[side.rawValue] = newValue }
    }
}
