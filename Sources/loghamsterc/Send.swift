import ArgumentParser
import HamsterClient
import HamsterConfiguration
import HamsterCore
import HamsterFiles
import HamsterProgram
import HamsterState
import Logging

/// `loghamsterc send … FILE…`: copies what the files hold now and waits until all is acknowledged.
struct Send: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy files to the server and wait for the last acknowledgement.",
        discussion: """
            Exits 0 only when every byte is acknowledged. Sending a file again sends only what is new in it. A file that a \
            running client follows is left to that: where it has the same state directory, this ends with 69.
            """)

    @OptionGroup var options: ClientOptions

    @Argument(help: "Files to send.", completion: .file())
    var files: [String]

    func run() async throws {
        let program = LogHamsterCommand.program
        var settings = try options.settings(program, files: files, isOnce: true, opensCredentials: true)
        // The progress says how it goes; the log only what is wrong.
        if settings.log.level == .info { settings.log.level = .warning }
        settings.client.retry.isEndedByLastingRefusal = true
        settings.client.retry.giveUpAfter = settings.client.connectTimeout
        let fileSystem = LinuxFileSystem()
        try ShippingService.checkReadable(settings.client, fileSystem)
        try RunningClient(in: settings.stateDirectory)?.requireOthers(than: settings)
        let logger = program.logger(settings.log)
        settings.client.useDescriptors(program.raiseDescriptorLimit(logger))
        for warning in settings.warnings { logger.warning("unsafe setting", metadata: ["reason": "\(warning)"]) }
        let shipping = ShippingService(
            configuration: settings.client, state: StateStore(inMemory: fileSystem), fileSystem: fileSystem,
            logger: logger)
        try await run(shipping, program, settings.log)
    }

    private func run(_ shipping: ShippingService, _ program: Program, _ log: LogSettings) async throws {
        let display = ProgressDisplay(shipping.progress)
        try await program.run(shipping, beside: [display], log: log)
        display.finish()
        let failures = shipping.failures.all
        guard failures.isEmpty else { throw failure(failures) }
        let result = shipping.progress.snapshot
        guard result.filesDelivered == result.files, result.files > 0 else {
            throw ProgramFailure(
                .failed, ["interrupted: \(result.bytesAcknowledged) of \(result.bytes) bytes are acknowledged"])
        }
    }

    private func failure(_ failures: [(path: SourcePath, error: ClientError)]) -> ProgramFailure {
        let lines = failures.map { "\($0.path): \($0.error)" }
        let isUnreadable = failures.contains { if case .unreadable = $0.error { true } else { false } }
        return ProgramFailure(isUnreadable ? .io : .unavailable, lines)
    }
}
