/// A rule that did not hold.
package struct SimulationFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    init(_ description: String) { self.description = description }
}
