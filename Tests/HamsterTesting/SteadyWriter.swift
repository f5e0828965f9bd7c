import Foundation
import Synchronization

/// A program that logs: it appends to one file at a steady pace until it is stopped, and opens the file anew when it is
/// told to, as daemons do after a rotation.
package final class SteadyWriter: Sendable {
    private struct State {
        var generator: SeededGenerator
        var descriptor: Int32
        var written: [UInt8] = []
        var count = 0
        var isPaused = false
    }

    private static let pause: Duration = .milliseconds(3)

    private let path: String
    private let reopenFlag: String
    private let pieceBytesMax: Int
    private let state: Mutex<State>
    private let task = Mutex<Task<Void, any Error>?>(nil)

    /// Begins to write. `path` is made when missing. Pieces are up to `pieceBytesMax` bytes, about 300 a second.
    package init(_ path: String, seed: UInt64, pieceBytesMax: Int = 4_000) throws {
        self.path = path
        self.pieceBytesMax = pieceBytesMax
        reopenFlag = path + "-reopen"
        state = Mutex(State(generator: SeededGenerator(seed: seed), descriptor: try Self.open(path)))
        let task = Task { [self] in
            while !Task.isCancelled {
                try tick()
                try await Task.sleep(for: Self.pause)
            }
        }
        self.task.withLock { $0 = task }
    }

    /// A shell command that makes the writer open its path anew at its next piece but a few.
    package var reopenCommand: String { "touch '\(reopenFlag)'" }

    /// All that was written so far, in this order.
    package var written: [UInt8] { state.withLock { $0.written } }

    package var byteCount: Int { state.withLock { $0.written.count } }

    /// Nothing is written after the return, until ``goOn()``.
    package func holdOn() { state.withLock { $0.isPaused = true } }

    package func goOn() { state.withLock { $0.isPaused = false } }

    /// Waits until so much more is written.
    package func write(atLeast byteCount: Int) async throws {
        let end = self.byteCount + byteCount
        try await eventually("\(byteCount) more bytes in \(path)") { self.byteCount >= end }
    }

    /// Stops for good, and returns all that was written.
    package func stop() async throws -> [UInt8] {
        let task = task.withLock { $0 }
        task?.cancel()
        do {
            try await task?.value
        } catch is CancellationError {}
        return state.withLock { state in
            if state.descriptor >= 0 { close(state.descriptor) }
            state.descriptor = -1
            return state.written
        }
    }

    private func tick() throws {
        try state.withLock { state in
            guard !state.isPaused, state.descriptor >= 0 else { return }
            state.count += 1
            // The flag is looked at now and then: a real daemon also goes on with the old file for a moment.
            if state.count.isMultiple(of: 8), unlink(reopenFlag) == 0 {
                close(state.descriptor)
                state.descriptor = try Self.open(path)
            }
            let piece =
                Array("piece \(state.count)\n".utf8)
                + logText(bytes: state.generator.int(0...pieceBytesMax), seed: state.generator.next())
            let count = Foundation.write(state.descriptor, piece, piece.count)
            guard count == piece.count else { throw TestingError("\(path): \(String(cString: strerror(errno)))") }
            state.written += piece
        }
    }

    private static func open(_ path: String) throws -> Int32 {
        let descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw TestingError("\(path): \(String(cString: strerror(errno)))") }
        return descriptor
    }
}
