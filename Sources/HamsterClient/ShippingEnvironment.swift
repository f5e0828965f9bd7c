internal import HamsterMetrics
internal import HamsterRateLimit
internal import HamsterState
internal import Logging
internal import NIOPosix

/// What the files of all paths share.
struct ShippingEnvironment: Sendable {
    var live: LiveConfiguration
    var state: StateStore
    var catalogue: SharedCatalogue
    var slots: ConnectionSlots
    var connector: Connector
    var limiter: RateLimiter
    var progress: ShippingProgress
    var metrics: ClientMetrics
    var threadPool: NIOThreadPool
    var logger: Logger
    var phase: ShippingPhase
    var descriptorShortage = ShortageReport()
    /// The service says it, too, once a time that saving begins to fail.
    var unsavedState = ShortageReport()

    var configuration: ClientConfiguration { live.current }
    var rescan: RescanRequest { phase.rescan }
}
