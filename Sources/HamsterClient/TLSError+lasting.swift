internal import HamsterTLS

extension TLSError {
    /// Whether another attempt can't help until somebody changes a certificate or a setting.
    var isLasting: Bool {
        switch code {
        case .verification, .refusedByPeer, .handshake, .fileUnreadable, .fileMalformed, .keyReadableByOthers,
            .keyEncrypted, .keyMismatch, .certificateExpired, .certificateNotYetValid, .wrongPurpose,
            .revocationListExpired, .revocationListNotYetValid, .settingsRefused:
            true
        case .handshakeTimeout, .closedDuringHandshake, .truncated, .protocolViolation, .earlyWritesExceeded:
            false
        }
    }
}
