package import ArgumentParser

/// A command of the contract that this version has not: said clearly, never taken for a file's name.
package protocol NotSupportedYet: AsyncParsableCommand {}

extension NotSupportedYet {
    package func run() async throws {
        throw ProgramFailure(.usage, ["\(Self._commandName): this command is not supported yet"])
    }
}
