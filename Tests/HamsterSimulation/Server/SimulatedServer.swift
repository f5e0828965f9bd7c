import HamsterCore
import HamsterFiles
import HamsterProtocol
import HamsterRouting
import HamsterStore
import NIOCore

/// The server's process: the real store, router and protocol machines, with the schedule in place of event loops. What
/// its handlers do between them is done here in the same order; a kill leaves only the disk.
final class SimulatedServer {
    private let fileSystem: SimulatedFileSystem
    let store: Store
    private let router = Scenario.router
    private let rotation: RotationPolicy?
    private let clock: SimulatedClock
    private var claims = StreamClaims()
    private(set) var connections: [ServerConnection] = []
    /// What the store has reported of outputs that lost bytes and commits that failed.
    private let failures: FailureCount
    /// Told of each acknowledgement: connection, offset, output, and what the output held when its commit began.
    var onAcknowledgement: (Int, UInt64, SourcePath, [UInt8]) -> Void = { _, _, _, _ in }

    /// Starts: locks, reads the journal and mends outputs. Throws where the store does.
    init(
        _ fileSystem: SimulatedFileSystem, _ scenario: Scenario, _ clock: SimulatedClock
    ) throws(StoreError) {
        self.fileSystem = fileSystem
        rotation = scenario.rotation
        self.clock = clock
        let (wall, failures) = (fileSystem.disk.wall, FailureCount())
        self.failures = failures
        store = try Store(
            scenario.store, fileSystem: fileSystem, now: { wall.now.seconds }, onFailure: { _ in failures.add() })
    }

    var isAlive: Bool { fileSystem.isAlive }

    func accept(_ connection: SimulatedConnection) { connections.append(ServerConnection(connection)) }

    /// Takes the next piece that came for a connection.
    func receive(_ event: SimulatedConnection.Event, on connection: ServerConnection) {
        guard isAlive else { return }
        switch event {
        case .bytes(let bytes): received(bytes, connection)
        case .ended: inputEnded(connection)
        case .broken: disconnected(connection)
        }
    }

    /// Runs what waits for nothing but its turn: durable offsets, failures, streams that wait for their place.
    func relay() {
        for connection in connections where isAlive {
            deliverMail(to: connection)
            if case .claiming(let request, let route) = connection.phase { claim(request, route, connection) }
        }
        connections.removeAll { $0.isClosed }
    }

    var hasRelayWork: Bool {
        connections.contains { connection in
            if case .claiming = connection.phase { true } else { connection.hasMail }
        }
    }

    /// One group commit. While it waits for the disk, `meanwhile` runs.
    func commit(meanwhile: @escaping () -> Void) {
        // What is in the outputs now is what the commit will vouch for.
        for connection in connections { connection.noteOutput(fileSystem.disk) }
        fileSystem.whileSynchronizing = meanwhile
        try? store.commit()
        fileSystem.whileSynchronizing = {}
    }

    /// Removes and compresses what was put aside. While a compressed file goes to the disk, `meanwhile` runs.
    func tidy(meanwhile: @escaping () -> Void) {
        let fileSystem = fileSystem
        fileSystem.whileSynchronizing = {
            fileSystem.whileSynchronizing = {}
            meanwhile()
        }
        store.tidyRotatedFiles()
        fileSystem.whileSynchronizing = {}
    }

    /// Sends what is due by the clock.
    func tick() {
        for connection in connections where isAlive && connection.heartbeatDue <= clock.elapsed {
            guard case .streaming(var stream) = connection.phase else { continue }
            connection.heartbeatDue = clock.elapsed + 15_000_000_000
            let action = stream.machine.heartbeat()
            connection.phase = .streaming(stream)
            run(action, connection)
        }
    }

    /// SIGTERM: ends all streams after a last commit, and the store.
    func stop() {
        let reply = Reply(.unavailable, "server is stopping", retrySeconds: 1)
        for connection in connections { stop(connection, reply) }
        try? store.commit()
        relay()
        store.close()
        relay()
        for connection in connections where isAlive { connection.connection.abandon(from: .server) }
    }
}

extension SimulatedServer {
    private func received(_ bytes: [UInt8], _ connection: ServerConnection) {
        switch connection.phase {
        case .opening:
            connection.decoder.append(ByteBuffer(bytes: bytes))
            advance(connection)
        case .claiming: connection.decoder.append(ByteBuffer(bytes: bytes))
        case .streaming: append(bytes, connection)
        case .closed: break
        }
    }

    private func advance(_ connection: ServerConnection) {
        while connection.opening.wantsLine, case .opening = connection.phase {
            do throws(ProtocolError) {
                guard let line = try connection.decoder.next() else { return }
                run(connection.opening.received(line: line), connection)
            } catch {
                run(connection.opening.failed(error), connection)
            }
        }
    }

    private func run(_ action: ServerOpening.Action, _ connection: ServerConnection) {
        switch action {
        case .awaitLine, .ignore: break
        case .decide(let request): decide(request, connection)
        case .refuse(let reply): connection.send(reply.line)
        case .refuseAndClose(let reply): close(connection, reply)
        case .open: break
        }
    }

    private func decide(_ request: StreamRequest, _ connection: ServerConnection) {
        let facts = StreamFacts(source: request.source, service: request.service)
        guard case .write(let route) = router.route(facts) else {
            return run(connection.opening.decided(.failure(Reply(.noOutput, "no output takes it"))), connection)
        }
        connection.phase = .claiming(request, route)
        claim(request, route, connection)
    }

    private func claim(_ request: StreamRequest, _ route: Router.Route, _ connection: ServerConnection) {
        let key = request.acknowledgement.map { FileKey(host: request.source.host, file: $0.file) }
        let claim = StreamClaims.Claim(
            source: request.source, key: key, exclusiveOutput: route.framing == .bytes ? route.destination : nil)
        switch claims.claim(claim, for: connection.connection.id) {
        case .granted: open(request, route, key, connection)
        case .busy: refuse(Reply(.busy, "another source is writing this output", retrySeconds: 5), connection)
        case .occupied(let holder):
            // Tried again when the older one has let go.
            guard let older = connections.first(where: { $0.connection.id == holder }) else { return }
            stop(older, Reply(.busy, "taken over by \(connection.streamID)"))
        }
    }

    private func refuse(_ reply: Reply, _ connection: ServerConnection) {
        connection.phase = .opening
        run(connection.opening.decided(.failure(reply)), connection)
    }

    private func open(_ request: StreamRequest, _ route: Router.Route, _ key: FileKey?, _ connection: ServerConnection)
    {
        let mailbox = CommitMailbox()
        do throws(StoreError) {
            let writer = try store.open(
                OutputTarget(simulating: route, rotation), key: key, startOffset: request.acknowledgement?.offset ?? 0,
                endsFile: request.size != nil, onCommit: { mailbox.committed($0) },
                onFailure: { mailbox.failed($0) })
            var grant = StreamGrant()
            if key != nil {
                grant.offset = writer.start.offset
                grant.check = writer.start.tail.check(at: writer.start.offset)
                grant.takesNext = request.hasNext(behind: grant)
            }
            _ = connection.opening.decided(.success(grant))
            let end = grant.takesNext ? request.size : nil
            let machine = ServerStream(isAcknowledged: key != nil, offset: grant.offset ?? 0, end: end)
            connection.phase = .streaming(
                .init(request: request, writer: writer, machine: machine, mailbox: mailbox, end: end))
            connection.heartbeatDue = clock.elapsed + 15_000_000_000
            if isAlive { connection.send(ServerLine.ready(grant).bytes) }
            append(Array(connection.decoder.takeRest().readableBytesView), connection)
        } catch {
            claims.release(connection.connection.id)
            if isAlive { refuse(Reply(.outputFailed, "\(error)"), connection) }
        }
    }
}

extension SimulatedServer {
    private func append(_ bytes: [UInt8], _ connection: ServerConnection) {
        guard case .streaming(var stream) = connection.phase else { return }
        let byteCount = stream.end.map { min(bytes.count, Int($0 - stream.writer.position)) } ?? bytes.count
        // What follows the end is of the next stream.
        if byteCount < bytes.count { connection.decoder.append(ByteBuffer(bytes: bytes[byteCount...])) }
        guard stream.machine.isReceiving, !stream.hasInputEnded else { return }
        do throws(StoreError) {
            if byteCount > 0 { try stream.writer.append(bytes.span.extracting(first: byteCount).bytes) }
        } catch {
            return fail(connection, error)
        }
        guard stream.isAtEnd else { return }
        stream.hasInputEnded = true
        connection.phase = .streaming(stream)
        settle(connection)
    }

    private func inputEnded(_ connection: ServerConnection) {
        guard case .streaming(var stream) = connection.phase else { return close(connection, nil) }
        stream.hasInputEnded = true
        connection.phase = .streaming(stream)
        settle(connection)
    }

    private func stop(_ connection: ServerConnection, _ reply: Reply) {
        switch connection.phase {
        case .opening, .claiming: run(connection.opening.aborted(reply), connection)
        case .streaming(var stream):
            stream.pendingStop = reply
            stream.hasInputEnded = true
            connection.phase = .streaming(stream)
            settle(connection)
        case .closed: break
        }
    }

    /// Ends the stream: what was received is with the output already.
    private func settle(_ connection: ServerConnection) {
        guard case .streaming(var stream) = connection.phase, stream.machine.isReceiving else { return }
        let isComplete = !stream.machine.isAcknowledged || stream.request.size == stream.writer.position
        do throws(StoreError) {
            try stream.writer.finish(endsFile: stream.pendingStop == nil && isComplete)
        } catch {
            return fail(connection, error)
        }
        let received = stream.writer.written
        let action =
            if let reply = stream.pendingStop {
                stream.machine.stopped(received: received, reply: reply)
            } else if stream.isAtEnd {
                stream.machine.fileEnded(received: received)
            } else {
                stream.machine.inputEnded(received: received)
            }
        connection.phase = .streaming(stream)
        run(action, connection)
    }

    private func fail(_ connection: ServerConnection, _ error: StoreError) {
        guard case .streaming(var stream) = connection.phase else { return }
        let action = stream.machine.failed(Reply(.outputFailed, "\(error)"))
        connection.phase = .streaming(stream)
        run(action, connection)
    }

    private func deliverMail(to connection: ServerConnection) {
        guard case .streaming(let stream) = connection.phase else { return }
        let mail = stream.mailbox.take()
        if let failure = mail.failure { fail(connection, failure) }
        guard let offset = mail.committed, case .streaming(var stream) = connection.phase else { return }
        stream.vouchedOutput = stream.outputBefore
        let action = stream.machine.committed(offset)
        connection.phase = .streaming(stream)
        run(action, connection)
    }

    private func disconnected(_ connection: ServerConnection) {
        if case .streaming(var stream) = connection.phase { stream.machine.disconnected() }
        close(connection, nil, isBroken: true)
    }

    private func run(_ action: ServerStream.Action, _ connection: ServerConnection) {
        guard isAlive else { return }
        switch action {
        case .none: break
        case .acknowledge(let offset): acknowledge(offset, connection)
        // The schedule commits soon enough.
        case .commit: break
        case .close(let offset, let reply):
            if let offset { acknowledge(offset, connection) }
            close(connection, reply)
        case .next(let offset):
            acknowledge(offset, connection)
            if case .streaming(let stream) = connection.phase { stream.writer.close() }
            claims.release(connection.connection.id)
            connection.opening = ServerOpening()
            connection.phase = .opening
            advance(connection)
        }
    }

    private func acknowledge(_ offset: UInt64, _ connection: ServerConnection) {
        connection.send(ServerLine.acknowledged(offset).bytes)
        guard case .streaming(let stream) = connection.phase, let output = stream.vouchedOutput else { return }
        let source = Scenario.output(stream.request.source)
        onAcknowledgement(connection.connection.id, offset, source, output)
    }

    private func close(_ connection: ServerConnection, _ reply: Reply?, isBroken: Bool = false) {
        guard isAlive else { return }
        if let reply { connection.send(reply.line) }
        if case .streaming(let stream) = connection.phase { stream.writer.close() }
        claims.release(connection.connection.id)
        connection.phase = .closed
        if !isBroken { connection.connection.finish(from: .server) }
        connection.connection.abandon(from: .server)
    }
}

extension OutputTarget {
    fileprivate init(simulating route: Router.Route, _ rotation: RotationPolicy?) {
        let location: Location =
            switch route.destination {
            case .beneath(let components): .beneath(components: components)
            case .absolute(let path): .absolute(path)
            }
        self.init(
            location: location, framing: route.framing == .bytes ? .bytes : .lines, mode: route.mode,
            rotation: rotation)
    }
}
