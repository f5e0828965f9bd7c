private import COpenSSL

/// The session that a server's ticket lets a later connection go on with, at half the cost of a full handshake.
///
/// @unchecked because OpenSSL counts references atomically and copies a session before it changes one that is in use.
final class ResumableSession: @unchecked Sendable {
    /// For calls that take a reference of their own.
    let pointer: OpaquePointer  // SSL_SESSION *

    /// Takes over the caller's reference.
    init(owned pointer: OpaquePointer) { self.pointer = pointer }

    deinit { SSL_SESSION_free(pointer) }
}
