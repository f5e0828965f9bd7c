/// The numbers of protocol version 1 that both sides share.
package enum ProtocolLimits {
    /// The longest line, its LF included, in bytes.
    package static let lineBytesMax = 8_192
    /// The longest decoded path, in bytes.
    package static let pathBytesMax = 4_096
    /// The longest component of a path, in bytes (NAME_MAX of Linux's file systems).
    package static let componentBytesMax = 255
    /// The deepest path, in components: each one that is new costs the server a directory and its sync.
    package static let componentsMax = 64
    /// The longest host name, in characters (RFC 1035, section 3.1).
    package static let hostBytesMax = 253
    /// The longest reply text, in characters.
    package static let replyTextMax = 200
    /// Failed `INIT STREAM` lines after which the server closes.
    package static let attemptsMax = 3
    /// The longest wait, in seconds, that a client lets a server's `retry` ask for.
    package static let retrySecondsMax = 3_600
    /// How often a server repeats its last `ACK` on an idle stream.
    package static let heartbeatInterval: Duration = .seconds(15)
    /// The silence after which a client takes an acknowledged stream for dead.
    package static let silenceMax: Duration = .seconds(45)
    /// How long TCP tries to deliver bytes to a peer that confirms none: a path that is gone, or takes no more bytes
    /// (TCP_USER_TIMEOUT, tcp(7)). Linux alone would try for a quarter of an hour.
    package static let transmissionMax: Duration = .seconds(120)
    /// What ALPN (RFC 7301) calls this protocol.
    package static let applicationProtocol = "loghamster/1"
    /// And where a host asks for its certificate.
    package static let enrollmentProtocol = "loghamster-enroll/1"
}
