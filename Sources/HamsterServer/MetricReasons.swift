internal import HamsterFiles
internal import HamsterStore
internal import HamsterTLS

extension TLSError {
    /// Why a handshake failed, as a label.
    var handshakeReason: String {
        switch code {
        case .verification: "verification"
        case .refusedByPeer: "refused_by_peer"
        case .handshakeTimeout: "timeout"
        case .closedDuringHandshake, .truncated: "closed"
        case .fileUnreadable, .fileMalformed, .keyReadableByOthers, .keyEncrypted, .keyMismatch, .certificateExpired,
            .certificateNotYetValid, .wrongPurpose, .revocationListExpired, .revocationListNotYetValid,
            .settingsRefused, .handshake, .protocolViolation, .earlyWritesExceeded:
            "handshake"
        }
    }
}

extension StoreError {
    /// What kind of failure it is, as a label.
    var reason: String {
        switch code {
        case .busy: "busy"
        case .locked: "locked"
        case .damagedJournal, .unknownJournalVersion, .stateFolder, .outputFolder, .journal: "journal"
        case .output: cause?.isFull == true ? "full" : "output"
        case .lost: "lost"
        case .removed: "removed"
        case .truncated: "truncated"
        case .rotation, .nameTaken: "rotation"
        case .retention: "retention"
        case .closed: "closed"
        }
    }
}
