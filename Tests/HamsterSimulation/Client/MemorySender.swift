import HamsterCore
import HamsterProtocol
import HamsterTesting

/// One file's content as its writer makes it, and what was acknowledged of it.
struct MemorySource {
    var token: FileToken
    var bytes: [UInt8] = []
    var isComplete = false
    var acknowledged = 0
}

/// A client of one path that keeps its files in memory: the protocol's client machine, and a record of what the server
/// has acknowledged. It puts the server to the test, not the client.
final class MemorySender: SimulatedSender {
    private let world: World
    private let scenario: Scenario
    private let source: StreamSource
    private let service: String
    /// Of these the source's bytes are; no other source has them.
    private let alphabet: [UInt8]
    private let bytesMax: Int
    /// The last one is sent; those before are delivered.
    private var files: [MemorySource]
    /// How far the client's own record says that the last file is acknowledged.
    private var known = 0
    private var link: Link?
    private var retryAt: Int64 = 0

    /// One connection of this client.
    private struct Link {
        var connection: SimulatedConnection
        var machine: ClientStream
        var decoder = ServerLines()
        var size: Int?
        /// Where the next byte to send is; nil until the stream is open.
        var position: Int?
        var hasFinished = false
        var heardAt: Int64
    }

    init(_ world: World, _ scenario: Scenario, host: String, path: String, service: String, alphabet: [UInt8]) {
        self.world = world
        self.scenario = scenario
        source = StreamSource(host: host, path: SourcePath(path))
        self.service = service
        self.alphabet = alphabet
        bytesMax = world.random.pick([5, 60, 700])
        files = [MemorySource(token: Self.token(path, 0))]
    }

    private static func token(_ path: String, _ index: Int) -> FileToken {
        let name = path.map { $0 == "/" ? "_" : String($0) }.joined()
        guard let token = FileToken("\(name)-\(index)") else { preconditionFailure("a legal token") }
        return token
    }

    func isAtRest(_ server: SimulatedDisk) -> Bool {
        files[files.count - 1].acknowledged == files[files.count - 1].bytes.count
    }

    var summary: String {
        "\(source) file \(files.count - 1): \(files[files.count - 1].acknowledged) of \(files[files.count - 1].bytes.count)"
    }
}

extension MemorySender {
    func act() {
        guard let link else { return connect() }
        if world.clock.elapsed - link.heardAt > 45_000_000_000 { return hangUp("silence") }
        send()
    }

    private func connect() {
        guard world.clock.elapsed >= retryAt else { return }
        let file = files[files.count - 1]
        let size = file.isComplete ? file.bytes.count : nil
        // A client need not be of today: what it knows may be older than what the server does.
        let request = StreamRequest(
            source: source, service: service,
            acknowledgement: .init(file: file.token, offset: UInt64(known)), size: size.map(UInt64.init))
        link = Link(
            connection: world.network.connect(), machine: ClientStream(request), size: size,
            heardAt: world.clock.elapsed)
        world.note("\(source) connects, file \(files.count - 1) from \(known)")
    }

    private func send() {
        guard var link, let position = link.position, !link.hasFinished, link.connection.hasRoom(for: .client) else {
            return
        }
        let file = files[files.count - 1]
        if position < file.bytes.count {
            let end = min(file.bytes.count, position + world.random.int(1...bytesMax))
            link.connection.send(Array(file.bytes[position..<end]), from: .client)
            link.position = end
        } else if file.isComplete {
            link.connection.finish(from: .client)
            link.hasFinished = true
        }
        self.link = link
    }

    private func hangUp(_ reason: String) {
        world.note("\(source) hangs up: \(reason)")
        link?.connection.abandon(from: .client)
        link = nil
        retryAt = world.clock.elapsed + Int64(world.random.int(0...300)) * 1_000_000
    }

    func receive(_ event: SimulatedConnection.Event, on connection: Int) throws(SimulationFailure) {
        guard link?.connection.id == connection else { return }
        switch event {
        case .bytes(let bytes):
            link?.heardAt = world.clock.elapsed
            link?.decoder.append(bytes)
            while let line = link?.decoder.next() { try received(line) }
        case .ended, .broken: hangUp("\(event)")
        }
    }

    private func received(_ line: [UInt8]) throws(SimulationFailure) {
        let parsed: ServerLine
        do {
            parsed = try ServerLine(parsing: line)
        } catch {
            throw SimulationFailure("\(source): the server said '\(String(decoding: line, as: UTF8.self))'")
        }
        switch link?.machine.received(parsed) {
        case .sendRequest(let request): link?.connection.send(request.line, from: .client)
        case .start(let grant): try start(grant)
        case .acknowledged(let offset): try acknowledged(Int(offset))
        case .refused(let reply): hangUp("\(reply)")
        case .fail(let error): throw SimulationFailure("\(source): \(error)")
        case .none?, nil: break
        }
    }

    private func start(_ grant: StreamGrant) throws(SimulationFailure) {
        let offset = Int(grant.offset ?? 0)
        let file = files[files.count - 1]
        guard offset <= file.bytes.count, offset >= file.acknowledged else {
            throw SimulationFailure(
                "\(source): resumes at \(offset), of \(file.bytes.count) bytes \(file.acknowledged) are acknowledged")
        }
        let check = SourceTail(file.bytes.prefix(offset)).check(at: UInt64(offset))
        if let granted = grant.check, granted != check {
            throw SimulationFailure(
                "\(source): the check at \(offset) is \(granted), not \(check.map { "\($0)" } ?? "-")")
        }
        link?.position = offset
    }

    private func acknowledged(_ offset: Int) throws(SimulationFailure) {
        world.note("\(source) hears ACK \(offset)")
        guard offset <= link?.position ?? 0 else {
            throw SimulationFailure("\(source): ACK \(offset) of bytes that were not sent")
        }
        let last = files.count - 1
        files[last].acknowledged = max(files[last].acknowledged, offset)
        if world.random.bool() { known = max(known, offset) }
        if files[last].isComplete, link?.size == files[last].bytes.count, offset == link?.size { delivered() }
    }

    private func delivered() {
        world.note("\(source): file \(files.count - 1) is delivered")
        hangUp("delivered")
        files.append(MemorySource(token: Self.token(source.path.description, files.count)))
        known = 0
    }
}

extension MemorySender {
    func actFully() { act() }

    func willWait(_ nanoseconds: Int64) {}

    func disturb() throws(SimulationFailure) {
        let last = files.count - 1
        switch world.random.int(0...9) {
        case 0 where scenario.troubles.contains(.stateLost): known = 0
        case 1 where scenario.troubles.contains(.reconnects) && link != nil:
            // The old connection stays as it is: it is half open, or its bytes still come.
            world.note("\(source) connects anew beside its connection")
            link = nil
            retryAt = 0
        case 2 where !files[last].isComplete && !files[last].bytes.isEmpty:
            files[last].isComplete = true
            world.note("\(source): file \(last) is complete with \(files[last].bytes.count)")
        default:
            guard !files[last].isComplete else { return }
            files[last].bytes += world.random.bytes(0...bytesMax, of: alphabet)
        }
    }

    /// Of an unfinished line in an output of many nothing is promised.
    func finishWriting() {
        let last = files.count - 1
        guard service == "merged", !files[last].isComplete, files[last].bytes.last != UInt8(ascii: "\n") else { return }
        files[last].bytes.append(UInt8(ascii: "\n"))
    }

    func check(_ server: SimulatedDisk, isFinal: Bool) throws(SimulationFailure) {
        if service == "merged" { try checkLines(server, isFinal) } else { try checkReplica(server, isFinal) }
    }

    private func checkReplica(_ server: SimulatedDisk, _ isFinal: Bool) throws(SimulationFailure) {
        let written = files.flatMap(\.bytes)
        let acknowledged = files.reduce(0) { $0 + $1.acknowledged }
        let output = server.stored(Scenario.output(source))
        try compare(output, written, acknowledged, isFinal)
    }

    private func compare(
        _ output: [UInt8], _ written: [UInt8], _ acknowledged: Int, _ isFinal: Bool
    ) throws(SimulationFailure) {
        let common = zip(output, written).prefix { $0 == $1 }.count
        guard common >= acknowledged else {
            throw SimulationFailure(
                "\(source): \(acknowledged) bytes are acknowledged, \(common) of them are in the output's \(output.count)"
            )
        }
        guard !isFinal || output.count == written.count && common == written.count else {
            throw SimulationFailure(
                "\(source): wrote \(written.count) bytes, the output has \(output.count), \(common) of them right")
        }
    }

    /// The lines of this source in an output of many.
    private func checkLines(_ server: SimulatedDisk, _ isFinal: Bool) throws(SimulationFailure) {
        let newline = UInt8(ascii: "\n")
        let lines = server.stored(Scenario.linesOutput).split(separator: newline)
        let own = Set(alphabet).subtracting([newline])
        let mine = lines.filter { line in line.contains { own.contains($0) } }
        if isFinal, let torn = mine.first(where: { line in !line.allSatisfy { own.contains($0) } }) {
            throw SimulationFailure(
                "\(source): another source's bytes in the line '\(String(decoding: torn, as: UTF8.self))'")
        }
        let output = mine.flatMap { $0.filter { own.contains($0) } }
        // Line ends aside, since lines that are too long get some that the source does not have.
        let text: (ArraySlice<UInt8>) -> [UInt8] = { $0.filter { $0 != newline } }
        var (written, acknowledged) = ([UInt8](), 0)
        for file in files {
            written += text(file.bytes[...])
            acknowledged += text(file.bytes[..<file.acknowledged]).count
        }
        try compare(output, written, acknowledged, isFinal)
    }
}
