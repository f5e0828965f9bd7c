package import HamsterProgram
package import HamsterServer
package import HamsterStore

extension StoreError: ExitStatusProviding {
    package var exitStatus: ExitStatus {
        switch code {
        case .locked, .busy, .closed: .unavailable
        case .damagedJournal, .unknownJournalVersion: .io
        case .stateFolder, .outputFolder, .journal, .output, .lost, .removed, .truncated, .rotation, .nameTaken,
            .retention:
            cause?.exitStatus ?? .io
        }
    }
}

extension ServerError: ExitStatusProviding {
    package var exitStatus: ExitStatus { isForbidden ? .permission : .unavailable }
}
