private import COpenSSL

/// The session that a server's ticket lets a later connection go on with, at half the cost of a full handshake.
///
/// @unchecked because OpenSSL counts references atomically and copies a session before it changes one that is in use. One
/// thing it does change: when a session is given up, it is marked as not resumable under the lock of the `SSL_CTX`, and a
/// connection that begins meanwhile reads that mark without it. Either answer is right there: a session that was just given
/// up is refused by the server, or not offered.
final class ResumableSession: @unchecked Sendable {
    /// For calls that take a reference of their own.
    let pointer: OpaquePointer  // SSL_SESSION *

    /// Takes over the caller's reference.
    init(owned pointer: OpaquePointer) { self.pointer = pointer }

    deinit { SSL_SESSION_free(pointer) }
}
