/// Tells from the processor time of a program when it has come to rest after work, whatever the work was. A value without a
/// clock.
struct WorkAndRest {
    /// Between two looks. One that finds less than ``restMax`` spent since the last one finds the program at rest.
    static let interval: Duration = .seconds(10)
    /// Heartbeats of thousands of quiet streams take less.
    static let restMax: Duration = .milliseconds(500)
    /// Processor time that counts as work: a look at a hundred files is none.
    static let workMin: Duration = .milliseconds(100)

    private var last = Duration.zero
    private var atRest = Duration.zero

    /// Takes the processor time since the program's start. True: it rests, and has worked since the last time that this was
    /// true.
    mutating func hasComeToRest(at time: Duration) -> Bool {
        defer { last = time }
        guard time - last < Self.restMax, time - atRest >= Self.workMin else { return false }
        atRest = time
        return true
    }
}
