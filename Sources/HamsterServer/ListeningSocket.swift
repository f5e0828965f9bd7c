package import HamsterCore

/// A socket that listens already, and that the server is to take over: systemd's socket activation.
package struct ListeningSocket: Sendable {
    /// The server owns it from the moment that it serves.
    package let descriptor: Int32
    /// See ``ServerConfiguration/Listener/proxies``.
    package let proxies: [IPNetwork]?
    /// See ``ServerConfiguration/Listener/isForEnrollment``.
    package let isForEnrollment: Bool

    package init(descriptor: Int32, proxies: [IPNetwork]?, isForEnrollment: Bool = false) {
        self.descriptor = descriptor
        self.proxies = proxies
        self.isForEnrollment = isForEnrollment
    }
}
