package import HamsterFiles
package import HamsterMetrics
package import HamsterStatus
package import HamsterTLS

extension TLSError: ExitStatusProviding {
    package var exitStatus: ExitStatus { .configuration }
}

extension FileError: ExitStatusProviding {
    package var exitStatus: ExitStatus { isForbidden ? .permission : .io }
}

extension MetricsError: ExitStatusProviding {
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
