/// What happens to a path's first file at one moment.
package struct ShippingCondition: Sendable, Hashable {
    package enum Phase: String, Sendable, Hashable {
        /// Nothing is to be sent.
        case waiting
        /// For one of the connections that may be open at once.
        case queued
        case connecting
        case streaming
        /// After a failure that may mend by itself.
        case retrying
        /// After one that will not; it is tried again all the same, slowly.
        case refused
    }

    package var phase = Phase.waiting
    package var lastError: String?
    /// Unix seconds.
    package var lastErrorAt: Int64?
}
