import ArgumentParser
import Foundation
import HamsterFuzzing

/// What scripts/fuzz asks of the targets besides the search, which libFuzzer does with a build of its own.
@main struct Fuzz: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hand mutated input to the places where bytes of strangers come in.",
        subcommands: [List.self, Seeds.self, Replay.self])

    /// The target of a name that was given on the command line.
    static func target(_ name: String) async throws -> any FuzzTarget {
        guard let target = try await FuzzTargets.make(name) else {
            throw ValidationError("\(name): no such target; there are \(FuzzTargets.names.joined(separator: ", "))")
        }
        return target
    }
}

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the targets' names.")

    func run() { for name in FuzzTargets.names { print(name) } }
}

struct Seeds: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Write the inputs from which mutations begin.")

    @Argument(help: "The target's name.") var target: String
    @Argument(help: "A directory, one file an input.") var directory: String

    func run() async throws {
        for (index, seed) in try await Fuzz.target(target).seeds.enumerated() {
            try Data(seed).write(to: URL(fileURLWithPath: "\(directory)/seed-\(index)"))
        }
    }
}

struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Hand files in once, as a failure left them.")

    @Argument(help: "The target's name.") var target: String
    @Argument(help: "The files.") var files: [String]

    func run() async throws {
        let target = try await Fuzz.target(target)
        for file in files {
            try target.check(Array(Data(contentsOf: URL(fileURLWithPath: file))))
            print("\(file): the property holds")
        }
    }
}
