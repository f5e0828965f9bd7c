import HamsterClient
import HamsterCore
import HamsterFiles
import HamsterProtocol
import HamsterState
import HamsterTail
import HamsterTesting

/// Ships the files of one path, one after the other: what `PathShipper`, `PathFiles` and `TransferHandler` do around the machines.
final class PathDriver {
    struct Environment {
        var world: World
        var host: String
        var settings: FileTransfer.Settings
        var fileSystem: SimulatedFileSystem
        var state: StateStore
        var isOverwritten: (TailedFile, FollowedPath) throws(FileError) -> Bool
        var startOver: (TailedFile, FollowedPath, FileCatalogue.ServerView?) throws(FileError) -> UInt64
        var settleUnknown: (TailedFile, FollowedPath) throws(FileError) -> Void
        var lost: (UInt64) -> Void
        /// The connection, and the offset that its server has acknowledged.
        var acknowledged: (Int, UInt64) -> Void
    }

    /// What was decided and is not done yet, or done and not told yet: other threads do it.
    private enum Work {
        case verify(StreamGrant)
        case verified(SourcePosition?)
        case compare(SourceHead)
        case compared(Bool)
        case observe
        case observed(Duration)
        case read([UInt8])
        case confirm([UInt8], isBeginning: Bool)
        case confirmed(Bool, [UInt8])
    }

    private struct Link {
        var connection: SimulatedConnection
        var file: TailedFile
        var machine: FileTransfer
        var decoder = ServerLines()
        var work: Work?
        var lookDue: Int64?
        var idleDue: Int64?
        var heardAt: Int64
    }

    let followed: FollowedPath
    private let environment: Environment
    private var link: Link?
    /// A connection that waits for another file, and its name.
    private var free: (connection: SimulatedConnection, streamID: String)?
    /// Nil: until it is woken.
    private var sleepsUntil: Int64? = 0
    private var isWoken = true

    init(_ followed: FollowedPath, _ environment: Environment) {
        self.followed = followed
        self.environment = environment
    }

    private var world: World { environment.world }
    private var clock: Duration { .nanoseconds(world.clock.elapsed) }
    private var now: FileTime { environment.fileSystem.disk.wall.now }

    var summary: String {
        let files = followed.all.map { file in
            "\(file.record.token?.text ?? "-")@\(file.acknowledged)\(file.rotatedAt == nil ? "" : "r")"
        }
        return "\(followed.path) \(files) \(link.map { "on \($0.connection.id)" } ?? "alone")"
    }

    func wake() {
        isWoken = true
        guard let link else { return }
        let size = try? link.file.status().size
        run { $0.changed(FileTransfer.Source(link.file), size: size, now: self.clock) }
    }

    /// The next thing that it can do, if any.
    func act() {
        guard environment.fileSystem.isAlive else { return }
        if link != nil { return transfer() }
        guard isWoken || sleepsUntil.map({ $0 <= world.clock.elapsed }) ?? false else { return }
        guard let file = followed.first else { return sleep(nil) }
        do throws(FileError) {
            let step = try followed.next(for: file, now: now, lost: environment.lost)
            // An empty file gets no connection, and with it no look at what was in it before.
            if step.isWithoutStream, try environment.isOverwritten(file, followed) {
                return try connect(file, isInquiry: true)
            }
            switch step {
            case .send: try connect(file)
            case .ask: try connect(file, isInquiry: true)
            case .delivered:
                world.note("\(followed.path): \(file.record.token?.text ?? "-") is delivered with \(file.acknowledged)")
                _ = followed.settle(file)
            case .startOver: startOver(file, nil)
            case .wait(let duration): sleep(duration)
            }
        } catch {
            unreadable(file, error)
        }
    }

    /// The process has died.
    func abandon() {
        link?.connection.abandon(from: .client)
        link = nil
        leaveFree()
    }

    private func leaveFree() {
        free?.connection.abandon(from: .client)
        free = nil
    }

    func loseConnection() {
        guard link != nil else { return }
        world.note("\(followed.path) leaves its connection")
        run { $0.failed(.interrupted("the network")) }
    }
}

extension PathDriver {
    private func sleep(_ duration: Duration?) {
        isWoken = false
        sleepsUntil = duration.map { world.clock.elapsed + $0.wholeNanoseconds }
    }

    private func unreadable(_ file: TailedFile, _ error: FileError) {
        guard error.isStale || error.isMissing else { return sleep(.seconds(30)) }
        guard file.rotatedAt != nil else { return sleep(.seconds(1)) }
        let record = file.record
        if record.sizeSeen > record.position.offset { environment.lost(record.sizeSeen - record.position.offset) }
        followed.removeDelivered(file)
    }

    private func startOver(_ file: TailedFile, _ view: FileCatalogue.ServerView?) {
        do throws(FileError) {
            let lost = try environment.startOver(file, followed, view)
            if lost > 0 { environment.lost(lost) }
            world.note("\(followed.path) starts over: \(summary), lost \(lost)")
        } catch {
            world.note("\(followed.path) cannot start over: \(error)")
        }
    }

    private func settleUnknown(_ file: TailedFile) {
        do throws(FileError) {
            try environment.settleUnknown(file, followed)
        } catch {
            world.note("\(followed.path) cannot settle what the server does not know: \(error)")
        }
    }

    private func connect(_ file: TailedFile, isInquiry: Bool = false) throws(FileError) {
        let record = file.record
        guard let token = record.token else { return }
        file.beginUse()
        let size = try? followed.rotation.completeSize(of: file, now: now)
        var request = StreamRequest(
            source: StreamSource(host: environment.host, path: record.path), service: "app",
            acknowledgement: .init(file: token, offset: record.position.offset), size: size ?? nil)
        // Most share, and some end their connection.
        request.asksForNext = request.size?.isMultiple(of: 3) == false
        let shared = free
        free = nil
        let connection = shared?.connection ?? world.network.connect()
        world.note(
            "\(followed.path) \(shared == nil ? "connects" : "goes on with \(connection.id)"), \(String(decoding: request.line.dropLast(), as: UTF8.self))"
        )
        link = Link(
            connection: connection, file: file,
            machine: FileTransfer(
                request, environment.settings, isInquiry: isInquiry || record.isUnasked, on: shared?.streamID),
            heardAt: world.clock.elapsed)
        run { $0.begin() }
        run { $0.changed(FileTransfer.Source(file), size: nil, now: self.clock) }
    }

    /// What `PathFiles` does before the first bytes of a content are sent.
    private func begin(_ file: TailedFile, with beginning: [UInt8]?) throws(FileError) -> Bool {
        guard try !environment.isOverwritten(file, followed) else { return false }
        guard !file.isCopy else { return true }
        let record = beginning.map { file.begin(with: $0) } ?? file.record
        environment.state.update(record)
        guard !environment.state.isWritten(record) else { return true }
        do throws(StateError) {
            try environment.state.save()
        } catch {
            world.note("\(followed.path) cannot save: \(error)")
        }
        return true
    }

    func receive(_ event: SimulatedConnection.Event, on connection: Int) throws(SimulationFailure) {
        guard link?.connection.id == connection else {
            // Nothing is owed on a free one: whatever it brings is its end.
            if free?.connection.id == connection { leaveFree() }
            return
        }
        switch event {
        case .bytes(let bytes):
            link?.heardAt = world.clock.elapsed
            link?.decoder.append(bytes)
            while let line = link?.decoder.next() { try received(line) }
        case .ended: run { $0.serverEnded() }
        case .broken: run { $0.disconnected() }
        }
    }

    private func received(_ line: [UInt8]) throws(SimulationFailure) {
        let parsed: ServerLine
        do {
            parsed = try ServerLine(parsing: line)
        } catch {
            throw SimulationFailure("\(followed.path): the server said '\(String(decoding: line, as: UTF8.self))'")
        }
        if case .acknowledged(let offset) = parsed, let link {
            world.note("\(followed.path) hears ACK \(offset) on \(link.connection.id)")
            environment.acknowledged(link.connection.id, offset)
        }
        run { $0.received(parsed, now: self.clock) }
    }
}

// MARK: - One connection

extension PathDriver {
    private func run(_ event: (inout FileTransfer) -> FileTransfer.Action) {
        guard var machine = link?.machine else { return }
        let action = event(&machine)
        link?.machine = machine
        perform(action)
    }

    private func perform(_ action: FileTransfer.Action) {
        guard let link else { return }
        switch action {
        case .none, .read: break
        case .sendRequest(let request): link.connection.send(request.line, from: .client)
        case .verify(let grant): self.link?.work = .verify(grant)
        case .acknowledged(let position): acknowledged(position, link)
        case .send, .confirm: preconditionFailure("only what was just read is confirmed and sent")
        case .compare(let head):
            self.link?.lookDue = nil
            self.link?.idleDue = nil
            self.link?.work = .compare(head)
        case .observe: self.link?.work = .observe
        case .rest(let rest):
            self.link?.idleDue = world.clock.elapsed + rest.idleAfter.wholeNanoseconds
            if let lookAfter = rest.lookAfter, link.lookDue == nil {
                self.link?.lookDue = world.clock.elapsed + lookAfter.wholeNanoseconds
            }
        case .shut: link.connection.finish(from: .client)
        case .end(let outcome): end(outcome, link)
        }
    }

    private func acknowledged(_ position: SourcePosition?, _ link: Link) {
        if let position { environment.state.update(link.file.acknowledge(position, now: now.seconds)) }
        run { $0.reconsider(FileTransfer.Source(link.file), now: self.clock) }
    }

    private func end(_ outcome: TransferOutcome, _ link: Link) {
        world.note("\(followed.path): connection \(link.connection.id) is over: \(outcome)")
        if let machine = self.link?.machine, machine.isConnectionFree, let streamID = machine.streamID {
            free = (link.connection, streamID)
        } else {
            link.connection.abandon(from: .client)
        }
        link.file.endUse()
        self.link = nil
        isWoken = true
        sleepsUntil = 0
        switch outcome {
        case .ended: link.file.setMustAnnounce(false)
        case .unknown where link.file.record.isUnasked: settleUnknown(link.file)
        case .unknown:
            startOver(link.file, .nothing)
            pause(0)
        case .otherContent(let view):
            if view != nil || !link.file.isKnownToServerAlone { startOver(link.file, view) }
            pause(0)
        case .refused(let reply): pause(reply.retrySeconds ?? (reply.code == .busy ? 30 : 0))
        case .failed: pause(0)
        }
    }

    private func pause(_ seconds: Int) {
        isWoken = false
        sleepsUntil =
            world.clock.elapsed + Int64(seconds) * 1_000_000_000 + Int64(world.random.int(0...300)) * 1_000_000
    }

    /// One step of the work on an open connection.
    private func transfer() {
        guard let link else { return }
        do throws(FileError) {
            if let work = link.work { return try perform(work, link) }
            if world.clock.elapsed - link.heardAt >= 45_000_000_000 {
                return run { $0.failed(.silent(.seconds(45))) }
            }
            if link.machine.isReading {
                if link.connection.hasRoom(for: .client) { try read(link) }
            } else if let due = link.lookDue, due <= world.clock.elapsed {
                self.link?.lookDue = nil
                run { $0.lookIsDue() }
            } else if let due = link.idleDue, due <= world.clock.elapsed {
                self.link?.idleDue = nil
                run { $0.idleIsDue(now: self.clock) }
            } else if world.happens(2) {
                run { $0.giveUp(FileTransfer.Source(link.file), now: self.clock) }
            }
        } catch {
            run { $0.failed(.unreadable(error)) }
        }
    }

    private func perform(_ work: Work, _ link: Link) throws(FileError) {
        self.link?.work = nil
        switch work {
        case .verify(let grant):
            self.link?.work = .verified(try link.file.position(at: grant.offset ?? 0, check: grant.check))
        case .verified(let position): verified(position, link)
        case .compare(let head):
            guard head.byteCount > 0 else {
                self.link?.work = .compared(try !environment.isOverwritten(link.file, followed))
                return
            }
            let beginning = try link.file.open().bytes(at: 0, count: head.byteCount)
            self.link?.work = .compared(head.matches(beginning))
        case .compared(let isSame): run { $0.compared(isSame) }
        case .observe: self.link?.work = .observed(try followed.rotation.remaining(of: link.file, now: now))
        case .observed(let remaining): run { $0.observed(remaining, now: self.clock) }
        case .read(let bytes): accept(bytes, link)
        case .confirm(let bytes, let isBeginning):
            let isSame = try begin(link.file, with: isBeginning ? Array(bytes.prefix(SourceHead.bytesMax)) : nil)
            self.link?.work = .confirmed(isSame, bytes)
        case .confirmed(let isSame, let bytes):
            run { $0.confirmed(isSame) }
            if self.link?.machine.isReading ?? false { accept(bytes, link) }
        }
    }

    private func verified(_ position: SourcePosition?, _ link: Link) {
        var action = FileTransfer.Action.none
        run { machine in
            action = machine.verified(position, now: self.clock)
            return .none
        }
        if let position, self.link?.machine.isReading ?? false {
            world.note("\(followed.path): stream is open from \(position.offset)")
            environment.state.update(link.file.resume(at: position, now: now.seconds))
        }
        perform(action)
    }

    private func read(_ link: Link) throws(FileError) {
        guard let request = link.machine.nextRead(FileTransfer.Source(link.file)) else { return accept([], link) }
        var bytes = try link.file.open().bytes(at: request.offset, count: request.byteCount)
        // A read may give less than there is, but never less than what stands there already.
        let overlap = request.byteCount - SourceReader.batchBytes
        if bytes.count > overlap + 1, overlap >= 0, world.random.bool() {
            bytes.removeLast(world.random.int(0...bytes.count - overlap - 1))
        }
        if world.random.bool() { return accept(bytes, link) }
        self.link?.work = .read(bytes)
    }

    private func accept(_ bytes: [UInt8], _ link: Link) {
        var action = FileTransfer.Action.none
        run { machine in
            action = machine.accept(bytes.span.bytes, FileTransfer.Source(link.file), now: self.clock)
            return .none
        }
        if case .confirm(let isBeginning) = action {
            self.link?.work = .confirm(bytes, isBeginning: isBeginning)
            return
        }
        guard case .send(let overlap) = action else { return perform(action) }
        self.link?.lookDue = nil
        self.link?.idleDue = nil
        link.connection.send(Array(bytes.dropFirst(overlap)), from: .client)
    }
}

extension Duration {
    var wholeNanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
