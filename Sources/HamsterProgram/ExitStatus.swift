/// The programs' exit codes (sysexits.h); documented in docs/configuration.md.
package enum ExitStatus: Int32, Sendable {
    case ok = 0
    /// The operation failed.
    case failed = 1
    case usage = 64
    /// Address in use, target refused, state locked by another process.
    case unavailable = 69
    /// Reading or writing failed; a damaged journal too.
    case io = 74
    case permission = 77
    case configuration = 78
}

/// What ends a program: one line each on standard error, and the exit code.
package struct ProgramFailure: Error, Sendable {
    package var status: ExitStatus
    /// `what failed: why: what to do`, without the program's name.
    package var lines: [String]

    package init(_ status: ExitStatus, _ lines: [String]) {
        self.status = status
        self.lines = lines
    }
}

/// An error that knows with which code it ends a program. The programs say it for the errors of their modules.
package protocol ExitStatusProviding: Error {
    var exitStatus: ExitStatus { get }
}
