package import ArgumentParser
private import CZlib
internal import Glibc
package import HamsterConfiguration
internal import HamsterTLS
package import Logging
internal import UnixSignals

/// What both programs do in the same way: arguments, errors, exit codes, logger.
package struct Program: Sendable {
    package static let version = "0.1.0"

    /// The compiler's version, as far as it tells.
    package static var swiftVersion: String {
        #if compiler(>=6.4)
        "6.4 or later"
        #elseif compiler(>=6.3)
        "6.3"
        #else
        "6.2"
        #endif
    }

    /// As the user typed it and as errors begin.
    package let name: String
    package let environment: [String: String]

    package init(name: String) {
        self.name = name
        environment = Self.processEnvironment()
    }

    /// `loghamsterc 0.1.0 (OpenSSL 3.0.19 …, zlib 1.2.13)`
    package static func versionText(_ name: String) -> String {
        let zlib = zlibVersion().map { String(cString: $0) } ?? "?"
        return "\(name) \(version) (\(OpenSSLVersion.text), zlib \(zlib))"
    }

    package var defaults: SystemDefaults { SystemDefaults(environment: environment) }

    /// Parses the arguments, runs the command, and ends the process with the documented code.
    package func main(_ command: (some AsyncParsableCommand).Type) async -> Never {
        // A reader of our output that has gone must not end us: write(2) says so too.
        signal(SIGPIPE, SIG_IGN)
        do {
            try await Self.$hangups.withValue(UnixSignalsSequence(trapping: .sighup)) {
                var parsed = try command.parseAsRoot()
                if var runnable = parsed as? any AsyncParsableCommand {
                    try await runnable.run()
                } else {
                    try parsed.run()
                }
            }
            exit(ExitStatus.ok.rawValue)
        } catch {
            exit(report(error, command).rawValue)
        }
    }

    /// The SIGHUPs since ``main(_:)`` began: one that comes between the reading of the configuration and the first service
    /// must not be lost. Nil without `main`.
    @TaskLocal static var hangups: UnixSignalsSequence?

    /// The logger that the settings ask for. Under systemd text lines carry the journal's priorities.
    package func logger(_ settings: LogSettings) -> Logger {
        let isJournal = isStandardErrorTheJournal
        let format: LineLogHandler.Format =
            switch settings.format {
            case .text: isJournal ? .journal : .text
            case .json: .json
            }
        let level: Logger.Level =
            switch settings.level {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            }
        return Logger(label: name) { _ in LineLogHandler(format: format, level: level) }
    }

    /// `JOURNAL_STREAM` is inherited by every child of a unit, so it is compared with the descriptor (systemd.exec(5)).
    private var isStandardErrorTheJournal: Bool {
        var status = stat()
        guard let journal = environment["JOURNAL_STREAM"], fstat(STDERR_FILENO, &status) == 0 else { return false }
        return journal == "\(status.st_dev):\(status.st_ino)"
    }

    /// Each file, socket and stream is a descriptor: the soft limit is raised to the hard one, and logged. Returns how
    /// many there may be; 1,024 where the system doesn't say.
    @discardableResult
    package func raiseDescriptorLimit(_ logger: Logger) -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return 1_024 }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        // Where that is refused the old limit stays, and is what the line says.
        let isRaised = setrlimit(resource, &limit) == 0
        let files = Int(clamping: isRaised ? limit.rlim_cur : before)
        logger.debug("limit of open files", metadata: ["files": "\(files)"])
        return files
    }

    private func report(_ error: any Error, _ command: (some ParsableCommand).Type) -> ExitStatus {
        let code = command.exitCode(for: error)
        if code == .success {
            print(command.fullMessage(for: error))
            return .ok
        }
        let failure = failure(
            for: error, message: command.message(for: error), isUsage: code == .validationFailure)
        for line in failure.lines { writeToStandardError("\(name): \(line)\n") }
        return failure.status
    }

    private func failure(for error: any Error, message: String, isUsage: Bool) -> ProgramFailure {
        switch error {
        case let error as ProgramFailure:
            return error
        case let error as ConfigurationError:
            return ProgramFailure(.configuration, error.problems.map(\.description))
        case let error as any ExitStatusProviding:
            return ProgramFailure(error.exitStatus, ["\(error)"])
        default:
            guard isUsage else { return ProgramFailure(.failed, ["\(error)"]) }
            let reason = message.split(separator: "\n").first.map { "\($0): " } ?? ""
            return ProgramFailure(.usage, ["\(reason)see \(name) --help"])
        }
    }

    private static func processEnvironment() -> [String: String] {
        var values: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let pair = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { values[String(pair[0])] = String(pair[1]) }
            next += 1
        }
        return values
    }
}
