package import HamsterFiles
package import HamsterProgram
package import HamsterState
package import HamsterTLS

extension TLSError: ExitStatusProviding {
    package var exitStatus: ExitStatus { .configuration }
}

extension FileError: ExitStatusProviding {
    package var exitStatus: ExitStatus { isForbidden ? .permission : .io }
}

extension StateError: ExitStatusProviding {
    package var exitStatus: ExitStatus {
        switch self {
        case .locked: .unavailable
        case .unusable(_, let error): error.exitStatus
        }
    }
}
