internal import Synchronization

/// The configuration that is in force. Any thread may ask.
final class LiveConfiguration: Sendable {
    private let configuration: Mutex<ClientConfiguration>
    private let next = Mutex<ClientConfiguration?>(nil)

    init(_ configuration: ClientConfiguration) { self.configuration = Mutex(configuration) }

    var current: ClientConfiguration { configuration.withLock { $0 } }

    /// Lays a configuration ready; a later one takes its place.
    func offer(_ configuration: ClientConfiguration) { next.withLock { $0 = configuration } }

    /// Puts the offered configuration in force; nil: there is none. Only ``InputWatcher`` calls this, since the numbers of
    /// inputs change with it.
    func advance() -> (old: ClientConfiguration, new: ClientConfiguration)? {
        guard let new = next.withLock({ $0.take() }) else { return nil }
        return configuration.withLock { current in
            defer { current = new }
            return (current, new)
        }
    }
}
