import ArgumentParser
import HamsterConfiguration
import HamsterCore
import HamsterFiles
import HamsterProgram
import HamsterState
import HamsterStatus

/// `loghamsterc explain --config F PATH`: why a file is or is not shipped.
struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Say why a file is or is not shipped: its input, its identity, how far it is, what stands in the way.",
        discussion: "Exits 1 where something stands in the way. Asks the running client, too, where there is one.")

    @OptionGroup var options: ClientOptions

    @Argument(help: "The file.", completion: .file())
    var path: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let program = LogHamsterCommand.program
        let settings = try options.settings(program, files: nil, isOnce: false)
        let directory = program.defaults.workingDirectory
        let explanation = FileExplanation(
            SourcePath(path.hasPrefix("/") ? path : "\(directory)/\(path)").normalized, settings,
            fileSystem: LinuxFileSystem(), live: live(settings.stateDirectory), now: .now)
        print(
            json ? String(decoding: explanation.document.encoded, as: UTF8.self) + "\n" : explanation.text,
            terminator: "")
        if explanation.obstacle != nil { throw ProgramFailure(.failed, []) }
    }

    /// What the running client says, or why it says nothing.
    private func live(_ directory: String) -> Result<JSON, StatusError> {
        Result { () throws(StatusError) in try StatusRequest.fetch(in: directory, timeout: .seconds(5)) }
    }
}
