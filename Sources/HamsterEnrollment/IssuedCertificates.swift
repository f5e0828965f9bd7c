package import HamsterFiles

/// What the audit log tells of the certificates that are out under a name: a host's, or the serial of one.
package struct IssuedCertificates {
    package struct Certificate: Sendable, Hashable {
        package let serial: String
        package let host: String
        /// In seconds since 1970; nil: it was made elsewhere, and only renewed here.
        package let end: Int64?
    }

    /// As the audit log has it.
    private let (host, serial): (String, String)
    private var issued: [Certificate] = []
    /// Those that were shown for others of these.
    private var shown: [Certificate] = []
    private var position = AuditLog.Position()
    /// Of which the log tells that they are revoked.
    package private(set) var revoked: Set<String> = []
    /// The numbers of lines that can't be read: what was issued there is not known.
    package private(set) var damagedLines: [Int] = []

    package init(under name: String) {
        (host, serial) = (name.lowercased(), name.uppercased())
    }

    /// Reads what was appended since the last time. Throws ``FileError``.
    package mutating func read(_ audit: AuditLog) throws(FileError) {
        let content = try audit.entries(from: position) { entry in
            entry.host == host || entry.serial == serial || entry.previous == serial
        }
        position = content.end
        damagedLines += content.damagedLines
        for entry in content.entries {
            if let serial = entry.serial {
                if entry.event == .certificateRevoked { revoked.insert(serial) }
                if entry.event.isIssue {
                    issued.append(Certificate(serial: serial, host: entry.host, end: entry.end))
                }
            }
            if let previous = entry.previous {
                shown.append(Certificate(serial: previous, host: entry.host, end: nil))
            }
        }
    }

    /// The one with the name's serial.
    package var named: Certificate? { all.first { $0.serial == serial } }

    /// Those of the host that have not ended, as far as that is known: of one that was made elsewhere it is not.
    package func good(at now: Int64) -> [Certificate] {
        all.filter { $0.host == host && ($0.end ?? now) >= now }
    }

    /// Each once. What is known of those that were issued here comes before what others say of them.
    private var all: [Certificate] {
        var serials: Set<String> = []
        return (issued + shown).filter { serials.insert($0.serial).inserted }
    }
}
