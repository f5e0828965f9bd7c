import HamsterCore

/// What ships sources in a simulation: the schedule gives it turns and what the network brings.
protocol SimulatedSender: AnyObject {
    /// Does one thing of what it can do, if there is any.
    func act()
    func receive(_ event: SimulatedConnection.Event, on connection: Int) throws(SimulationFailure)
    /// The schedule comes to its end: nothing is written after this.
    func finishWriting()
    /// Does all that it would do in a while.
    func actFully()
    /// Time is about to pass, all at once.
    func willWait(_ nanoseconds: Int64)
    /// All that can be delivered is acknowledged, or is in the outputs.
    func isAtRest(_ server: SimulatedDisk) -> Bool
    /// Something of the schedule's own choosing: more bytes, a kill, an impatient reconnect.
    func disturb() throws(SimulationFailure)
    /// Checks what the outputs hold. `isFinal`: the system is at rest.
    func check(_ server: SimulatedDisk, isFinal: Bool) throws(SimulationFailure)
    /// In a few words, for the trace.
    var summary: String { get }
}
