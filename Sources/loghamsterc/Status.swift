import ArgumentParser
import HamsterConfiguration
import HamsterFiles
import HamsterProgram
import HamsterStatus

/// `loghamsterc status --config F`: how far the files of the running client are.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the files of the running client, how far they are, and what is wrong.",
        discussion: "Asks the client at status.socket in its state directory; its user and group may.")

    @OptionGroup var options: ClientOptions

    @Flag(help: "Print the document as JSON.")
    var json = false

    func run() async throws {
        let settings = try options.settings(LogHamsterCommand.program, files: nil, isOnce: false)
        let directory = settings.stateDirectory
        if json {
            let bytes = try StatusRequest.bytes(in: directory, timeout: .seconds(10))
            print(String(decoding: bytes, as: UTF8.self), terminator: "")
        } else {
            let document = try StatusRequest.fetch(in: directory, timeout: .seconds(10))
            print(StatusDocument(document, now: FileTime.now.seconds).text, terminator: "")
        }
    }
}
