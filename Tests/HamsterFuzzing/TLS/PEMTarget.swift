import Foundation
import HamsterTLS
import HamsterTesting

/// A file of certificates, a key or revocation lists. Either a context can be made with it, or the error says in one line
/// what is wrong with which file.
struct PEMTarget: FuzzTarget {
    /// Which file of a server the input stands for, by its first byte.
    private enum Place: UInt8, CaseIterable { case certificate, key, clientCA, revocations }

    let seeds: [[UInt8]]
    private let credentials: FuzzCredentials
    private let file: String

    init() async throws {
        let credentials = try await FuzzCredentials()
        self.credentials = credentials
        file = credentials.scratch("fuzzed")
        let mode: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
        guard FileManager.default.createFile(atPath: file, contents: nil, attributes: mode) else {
            throw TestingError("\(file) can't be made")
        }
        seeds = try [
            (.certificate, credentials.serverPair.certificate), (.key, credentials.serverPair.key),
            (.clientCA, credentials.authority.certificate), (.revocations, credentials.authority.revocations),
            (.clientCA, credentials.serverPair.certificate), (.revocations, credentials.serverPair.key),
        ].map { (place: Place, path: String) in
            try [place.rawValue] + Data(contentsOf: URL(fileURLWithPath: path))
        }
    }

    func check(_ input: [UInt8]) throws {
        try Data(input.dropFirst()).write(to: URL(fileURLWithPath: file))
        var server = credentials.server
        switch Place(rawValue: (input.first ?? 0) % 4) {
        case .certificate: server.certificate = file
        case .key: server.key = file
        case .clientCA: server.clientCA = file
        case .revocations, nil: server.crl = file
        }
        do throws(TLSError) {
            _ = try TLSContext(server: server, applicationProtocols: FuzzCredentials.protocols)
        } catch {
            try demandOneLine(error.description)
            try demand(error.description.contains(credentials.scratch.path), "no file: \(error)")
        }
    }
}
