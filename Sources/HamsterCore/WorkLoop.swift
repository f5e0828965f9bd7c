internal import Synchronization

/// A loop that does a program's work, and can be asked whether it still turns.
package struct WorkLoop: Sendable {
    /// Has `answer` called by the loop itself at its next turn. Doesn't block.
    package typealias Question = @Sendable (_ answer: @escaping @Sendable () -> Void) -> Void

    /// For the log.
    package let name: String
    package let ask: Question

    package init(_ name: String, ask: @escaping Question) {
        self.name = name
        self.ask = ask
    }

    /// Returns once the loop has turned, or at cancellation.
    package func turn() async {
        // The stream never yields: it ends with the answer.
        let (answer, continuation) = AsyncStream<Never>.makeStream()
        ask { continuation.finish() }
        for await _ in answer {}
    }
}

/// Those who wait for the next turn of a loop. Any thread may use it.
package final class TurnQuestions: Sendable {
    private let answers = Mutex<[@Sendable () -> Void]>([])

    package init() {}

    /// Whoever asks has to wake the loop, too.
    package func add(_ answer: @escaping @Sendable () -> Void) { answers.withLock { $0.append(answer) } }

    /// For the loop, at each of its turns.
    package func answer() {
        let due = answers.withLock { answers in
            defer { answers = [] }
            return answers
        }
        for answer in due { answer() }
    }
}
