internal import HamsterCore

/// How the rotation of one output stands. A value: it changes together with the output's file.
struct OutputRotation {
    /// In seconds. A rotation that has failed is tried again after this.
    static let retryInterval: Int64 = 60

    /// Nil: the output is never put aside.
    var policy: RotationPolicy?
    /// When the file got its first byte, as far as that is known; Unix seconds. Nil for an empty file, and for one of
    /// which nobody knows.
    var since: Int64?
    /// Where the next commit puts the file.
    private(set) var destination: OutputTarget.Location?
    /// Unix seconds.
    private var retryAt = Int64.min
    /// Of the last attempt.
    private var failure: StoreError?

    /// Whether it is time to look for a name for a file of this length.
    func isDue(length: UInt64, now: Int64) -> Bool {
        destination == nil && now >= retryAt && policy?.isDue(length: length, since: since, now: now) == true
    }

    mutating func begin(to destination: OutputTarget.Location) { self.destination = destination }

    /// The output has another file now, with its first byte of this time.
    mutating func opened(since: Int64?) {
        self.since = since
        destination = nil
    }

    mutating func succeeded() {
        destination = nil
        failure = nil
        retryAt = .min
    }

    /// True: it is another failure than the last one, and so news.
    mutating func failed(_ error: StoreError, at time: Int64) -> Bool {
        destination = nil
        retryAt = time + Self.retryInterval
        defer { failure = error }
        return failure != error
    }
}
