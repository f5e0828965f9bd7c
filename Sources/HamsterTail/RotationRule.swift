package import HamsterFiles

/// When a file that has left its path is complete: no writer holds it any more, or it was quiet for long enough.
package struct RotationRule: Sendable, Hashable {
    /// How long a writer may go on after the rename.
    package var rotateWait: Duration

    package init(rotateWait: Duration) { self.rotateWait = rotateWait }

    /// What is known of a rotated file at one moment.
    package struct Observation: Sendable, Hashable {
        package var rotatedAt: FileTime
        package var modified: FileTime
        /// Nil where it can't be found out.
        package var hasWriter: Bool?

        package init(rotatedAt: FileTime, modified: FileTime, hasWriter: Bool?) {
            self.rotatedAt = rotatedAt
            self.modified = modified
            self.hasWriter = hasWriter
        }
    }

    /// How long to wait before the file counts as complete; zero: it is.
    ///
    /// A modification time in the future (a clock that was set back) can't make it wait longer than from `now`.
    package func remaining(_ observation: Observation, now: FileTime) -> Duration {
        if observation.hasWriter == false { return .zero }
        let lastActivity = min(max(observation.rotatedAt, observation.modified), now)
        let passed = Duration.nanoseconds(now.nanoseconds) - .nanoseconds(lastActivity.nanoseconds)
        return max(.zero, rotateWait - passed)
    }

    /// How long to wait before a file that keeps its path counts as closed; zero: it is. One that a writer holds is
    /// looked at again after ``rotateWait``, or a second.
    func quiet(since modified: FileTime, hasWriter: Bool?, now: FileTime) -> Duration {
        if hasWriter == true { return max(rotateWait, .seconds(1)) }
        return remaining(Observation(rotatedAt: modified, modified: modified, hasWriter: nil), now: now)
    }
}
