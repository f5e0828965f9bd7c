import Foundation

/// A CA of one test's own, made with the project's `certs/ca`.
package struct CertificateAuthority: Sendable {
    package let directory: String
    private let scratch: ScratchDirectory

    package init(in scratch: ScratchDirectory, name: String = "pki", arguments: [String] = []) async throws {
        directory = scratch(name)
        self.scratch = scratch
        try await run(["init", "--name", "Test CA \(name)"] + arguments)
    }

    /// A place in which there is none.
    init(unmadeIn scratch: ScratchDirectory) {
        directory = scratch("pki")
        self.scratch = scratch
    }

    package var certificate: String { "\(directory)/ca.pem" }
    /// The CA's own certificate and key.
    package var own: Pair { pair("ca") }
    package var revocations: String { "\(directory)/crl.pem" }

    /// The paths of a certificate chain and its key.
    package struct Pair: Sendable {
        package var certificate: String
        package var key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// A certificate for servers under these names.
    package func server(_ names: String..., arguments: [String] = []) async throws -> Pair {
        try await run(["server"] + names + arguments)
        return pair(names[0])
    }

    /// A certificate for the client on `host`. `arguments` as certs/README.md says, such as `--not-after`; with `file` it
    /// is kept under that name.
    package func client(_ host: String, arguments: [String] = [], file: String? = nil) async throws -> Pair {
        try await run(["client", host] + arguments + (file.map { ["--out", $0] } ?? []))
        return pair(file ?? host)
    }

    package func revoke(_ name: String) async throws { try await run(["revoke", name]) }

    private func pair(_ name: String) -> Pair {
        Pair(certificate: "\(directory)/\(name).pem", key: "\(directory)/\(name).key")
    }

    private func run(_ arguments: [String]) async throws {
        let process = try ChildProcess(
            "\(Repository.root)/certs/ca", ["--dir", directory] + arguments, in: scratch)
        guard try await process.exitCode() == 0 else { throw TestingError("certs/ca \(arguments): \(process.errors)") }
    }
}
