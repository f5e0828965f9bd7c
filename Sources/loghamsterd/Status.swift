import ArgumentParser
import HamsterConfiguration
import HamsterFiles
import HamsterProgram
import HamsterServer
import HamsterStatus
import HamsterStore

/// `loghamsterd status --config F`: how the running server fares.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show streams, outputs and errors of the running server.",
        discussion: "Asks the server at status.socket in its state directory; its user and group may.")

    @OptionGroup var options: ServerOptions

    @Flag(help: "Print the document as JSON.")
    var json = false

    func run() async throws {
        let settings = try options.settings(LogHamsterDaemon.program)
        let directory = settings.server.store.stateDirectory
        if json {
            let bytes = try StatusRequest.bytes(in: directory, timeout: .seconds(10))
            print(String(decoding: bytes, as: UTF8.self), terminator: "")
        } else {
            let document = try StatusRequest.fetch(in: directory, timeout: .seconds(10))
            print(StatusDocument(document, now: FileTime.now.seconds).text, terminator: "")
        }
    }
}
