import HamsterCore
import HamsterFiles
import HamsterState
import HamsterTesting

/// A program that writes one log, and the rotation of that log, in the small steps in which both are done.
final class LogWriter {
    /// What a rotation does, one system call at a time; the client can look in between.
    private enum Move: CustomStringConvertible {
        case rename(SourcePath, to: SourcePath)
        case remove(SourcePath)
        case beginCopy(to: SourcePath)
        case finishCopy
        case truncate
        case reopen
        case replace
        case append(Int)

        var description: String {
            switch self {
            case .rename(let from, let to): "rename \(from) to \(to)"
            case .remove(let path): "remove \(path)"
            case .beginCopy(let target): "copy half to \(target)"
            case .finishCopy: "finish the copy"
            case .truncate: "truncate"
            case .reopen: "reopen"
            case .replace: "replace by rename"
            case .append(let count): "append \(count)"
            }
        }
    }

    let path: SourcePath
    private let world: World
    private let machine: ClientMachine
    private let dated: Bool
    /// Rotated by copy and truncate; else by rename, removal or replacement. Of who does now the one, now the other, less is
    /// promised.
    private let copies: Bool
    private let bytesMax: Int
    private(set) var history = History()
    private(set) var losses = LossLedger()
    private var moves: [Move] = []
    private var file: SimulatedInode?
    /// What the content of each file belongs to; also of files that have lost their names.
    private var contents: [(inode: SimulatedInode, generation: Generation)] = []
    private var copy: SimulatedInode?
    private var rotations = 0
    /// Since when the writer may hold a file that is not at its path any more.
    private var rotatingSince: Int64?

    init(_ world: World, _ machine: ClientMachine, path: SourcePath) {
        self.world = world
        self.machine = machine
        self.path = path
        dated = world.random.bool()
        copies = world.random.bool()
        bytesMax = world.random.pick([3, 90, 600])
    }

    var summary: String { "\(path): \(history.generations.map { "\($0.due)/\($0.bytes.count)" })" }

    /// One move of the writer or of its rotation.
    func act() {
        if !moves.isEmpty, world.happens(60) { return move() }
        guard moves.isEmpty, world.happens(12), machine.rotates else {
            return append(world.random.int(0...bytesMax))
        }
        plan()
    }

    /// What was begun is ended: time passes that a program would not let pass in the middle.
    func finishMoves() { while !moves.isEmpty { move() } }

    /// The last words: there is a file at the path in the end.
    func finish() {
        finishMoves()
        append(world.random.int(1...bytesMax))
        close()
    }

    /// A program does not go on writing to a rotated file for longer than clients wait for it.
    func willWait(_ nanoseconds: Int64) {
        guard let since = rotatingSince, world.clock.elapsed + nanoseconds - since > 2_000_000_000 else { return }
        finishMoves()
    }

    /// The client counts bytes of the path as lost.
    func count(lost byteCount: UInt64) { losses.count(byteCount) }

    func clientDied() {
        losses.clientDied()
        dropGone(isClientAlive: false)
    }

    /// The client is gone, or has lost what it knew.
    func dropGone(isClientAlive: Bool) {
        for generation in history.generations { generation.dropGone(isClientAlive: isClientAlive) }
    }

    /// What the client's state says of files.
    func note(_ positions: [(inode: UInt64, position: SourcePosition)]) {
        for (number, position) in positions {
            contents.last { $0.inode.number == number }?.generation.note(position)
        }
    }

    /// What the client had of acknowledgements is lost.
    func forgetSent() { for generation in history.generations { generation.forgetSent() } }

    /// The client has lost its state: only the file at the path has to be found again.
    func forgetRotated() {
        let leading = machine.inode(at: path).flatMap { generation(of: $0) }
        for generation in history.generations where generation !== leading { generation.forget() }
    }

    /// The machine was switched off.
    func lostPower() {
        file = nil
        copy = nil
        moves = []
        rotatingSince = nil
    }
}

extension LogWriter {
    private func plan() {
        rotations += 1
        switch world.random.int(0...5) {
        case 0...4 where copies:
            // What comes between the two is in no copy.
            let late: [Move] = world.random.bool() ? [.append(world.random.int(1...bytesMax))] : []
            moves = makeRoom() + [.beginCopy(to: rotatedName), .finishCopy] + late + [.truncate]
        case 0...3: moves = makeRoom() + [.rename(path, to: rotatedName), .reopen]
        case _ where copies, 4: moves = [.truncate, .append(regrowth)]
        default: moves = world.random.bool() ? [.remove(path), .reopen] : [.replace]
        }
        rotatingSince = world.clock.elapsed
        world.note("\(path) rotates: \(moves)")
    }

    /// As a rule past where the file ended before: then its size doesn't tell.
    private var regrowth: Int {
        let size = machine.inode(at: path)?.bytes.count ?? 0
        return world.happens(70) ? size + world.random.int(0...bytesMax) : world.random.int(0...bytesMax)
    }

    private var rotatedName: SourcePath { SourcePath("\(path)\(dated ? "-202401\(10 + rotations)" : ".1")") }

    /// The chain of older files moves on by one, oldest first; the last one is removed, or replaced.
    private func makeRoom() -> [Move] {
        let name = { (number: Int) in SourcePath("\(self.path).\(number)") }
        guard !dated else {
            let oldest = SourcePath("\(path)-202401\(10 + rotations - 3)")
            return rotations > 3 ? [.remove(oldest)] : []
        }
        return [2, 1].map { .rename(name($0), to: name($0 + 1)) }
    }

    private func move() {
        let move = moves.removeFirst()
        world.note("\(path): \(move)")
        switch move {
        case .rename(let from, let to): machine.rename(from, to: to)
        case .remove(let path): machine.remove(path)
        case .beginCopy(let target): beginCopy(to: target)
        case .finishCopy: finishCopy()
        case .truncate: truncate()
        case .reopen: close()
        case .replace: replace()
        case .append(let count): append(count)
        }
        if moves.isEmpty { rotatingSince = nil }
        dropGone(isClientAlive: machine.isClientAlive)
    }

    private func append(_ count: Int) {
        if file == nil { open() }
        guard let file, let generation = generation(of: file) else { return }
        var bytes = world.random.bytes(count...count, of: [0, 10, 10, 65, 66, 0xC3])
        // Content that begins alike can't be told apart, and nobody promises that.
        if generation.bytes.isEmpty, !bytes.isEmpty {
            bytes[0] = UInt8(truncatingIfNeeded: 128 + history.generations.count)
        }
        generation.append(bytes)
        if count > 0 { world.note("\(path): \(count) bytes to inode \(file.number)") }
        machine.append(bytes, to: file)
        if world.happens(5) { close() }
    }

    private func generation(of inode: SimulatedInode) -> Generation? {
        contents.last { $0.inode === inode }?.generation
    }

    private func begin(in inode: SimulatedInode) {
        contents.append((inode, history.begin(in: inode)))
    }

    private func open() {
        if let inode = machine.inode(at: path) {
            file = inode
        } else {
            let inode = machine.create(path)
            file = inode
            begin(in: inode)
        }
        file?.writers += 1
    }

    private func close() {
        if let file { machine.close(file) }
        file = nil
    }

    private func beginCopy(to target: SourcePath) {
        guard let source = machine.inode(at: path) else { return }
        let copy = machine.create(target)
        world.note("\(path): copy of inode \(source.number) is inode \(copy.number)")
        machine.append(Array(source.bytes.prefix(world.random.int(0...source.bytes.count))), to: copy)
        self.copy = copy
    }

    private func finishCopy() {
        guard let copy, let source = machine.inode(at: path), let generation = generation(of: source) else { return }
        machine.append(Array(source.bytes.dropFirst(copy.bytes.count)), to: copy)
        if !copy.bytes.isEmpty { generation.copied(to: copy) }
        self.copy = nil
    }

    private func truncate() {
        guard let inode = machine.inode(at: path), let old = generation(of: inode) else { return }
        note(machine.positions)
        // One that may be of what the file held before this proves nothing.
        let record = machine.record(of: inode).flatMap { old.holds($0.position) ? $0 : nil }
        old.leave(inode)
        losses.truncated(old, record)
        machine.truncate(inode)
        begin(in: inode)
    }

    private func replace() {
        close()
        let temporary = SourcePath(bytes: Array("/var/log/.\(path.lastName.count).new".utf8))
        let inode = machine.create(temporary)
        begin(in: inode)
        file = inode
        inode.writers += 1
        append(world.random.int(1...bytesMax))
        machine.rename(temporary, to: path)
    }
}
