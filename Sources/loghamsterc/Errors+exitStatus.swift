package import HamsterProgram
package import HamsterState

extension StateError: ExitStatusProviding {
    package var exitStatus: ExitStatus {
        switch self {
        case .locked: .unavailable
        case .unusable(_, let error): error.exitStatus
        }
    }
}
