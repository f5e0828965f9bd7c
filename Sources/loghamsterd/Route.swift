import ArgumentParser
import HamsterConfiguration
import HamsterCore
import HamsterFiles
import HamsterProgram
import HamsterProtocol
import HamsterRouting
import HamsterServer
import HamsterStore

/// `loghamsterd route --config F HOST:/PATH …`: which output takes a stream, and why.
struct Route: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show which output takes a stream, and why the others don't.",
        usage: """
            loghamsterd route --config <file> [--certificate <name>] HOST:/PATH [svc:NAME] [KEY:VALUE ...]
            loghamsterd route --config <file> --all <file>
            """,
        discussion: "Exits with 1 where no output takes the stream.")

    @OptionGroup var options: ServerOptions

    @Option(help: ArgumentHelp("A DNS name of the client's certificate; repeat it for several.", valueName: "name"))
    var certificate: [String] = []

    @Option(
        help: ArgumentHelp(
            "A file with one stream a line, as on the command line; '-' for standard input.", valueName: "file"),
        completion: .file())
    var all: String?

    @Argument(help: ArgumentHelp("The stream as a client names it.", valueName: "stream"))
    var stream: [String] = []

    func validate() throws {
        guard (all == nil) != stream.isEmpty else {
            throw ValidationError("expected either a stream, as in web1:/var/log/app.log svc:app, or --all FILE")
        }
    }

    func run() async throws {
        let settings = try options.settings(LogHamsterDaemon.program)
        let server = settings.server
        let router = Router(rules: server.outputs, hasFallback: server.hasFallback)
        let routing = RoutingReport(router, directory: server.store.directory)
        guard let all else {
            let facts = try facts(stream)
            print(routing.explanation(facts), terminator: "")
            if !routing.isTaken(facts) { throw ExitCode(1) }
            return
        }
        var isComplete = true
        for line in try lines(of: all) {
            let facts = try facts(line.split(separator: " ").map(String.init))
            print(routing.line(facts))
            isComplete = isComplete && routing.isTaken(facts)
        }
        if !isComplete { throw ExitCode(1) }
    }

    private func lines(of file: String) throws -> [Substring] {
        let text = String(decoding: try bytes(of: file), as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) && $0.first != "#" }
    }

    private func bytes(of file: String) throws -> [UInt8] {
        let bytesMax = 256 << 20
        if file == "-" { return try contentsOfStandardInput(bytesMax: bytesMax) }
        guard let bytes = try LinuxFileSystem().contents(of: file, bytesMax: bytesMax) else {
            throw ValidationError("there is no file '\(printable(file.utf8))'")
        }
        return bytes
    }

    /// Read as a client's own line is, so that what is refused there is refused here.
    private func facts(_ words: [String]) throws -> StreamFacts {
        do throws(ProtocolError) {
            let request = try StreamRequest(words: words)
            return StreamFacts(
                source: request.source, service: request.service, metadata: request.metadata,
                certificateNames: certificate, streamID: "000000000000",
                date: StreamFacts.date(at: FileTime.now.seconds))
        } catch {
            throw ValidationError("'\(printable(words.joined(separator: " ").utf8))': \(error)")
        }
    }
}
