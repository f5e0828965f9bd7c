package import HamsterFiles
package import HamsterProgram
package import HamsterServer
package import HamsterStatus
package import HamsterStore
package import HamsterTLS

extension TLSError: ExitStatusProviding {
    package var exitStatus: ExitStatus { .configuration }
}

extension FileError: ExitStatusProviding {
    package var exitStatus: ExitStatus { isForbidden ? .permission : .io }
}

extension StoreError: ExitStatusProviding {
    package var exitStatus: ExitStatus {
        switch code {
        case .locked, .busy, .closed: .unavailable
        case .damagedJournal, .unknownJournalVersion: .io
        case .journal, .output, .lost, .removed, .truncated: cause?.exitStatus ?? .io
        }
    }
}

extension ServerError: ExitStatusProviding {
    package var exitStatus: ExitStatus { isForbidden ? .permission : .unavailable }
}

extension StatusError: ExitStatusProviding {
    package var exitStatus: ExitStatus {
        switch code {
        case .notRunning, .timedOut: .unavailable
        case .forbidden: .permission
        case .occupied, .unreadable, .system: .io
        }
    }
}
