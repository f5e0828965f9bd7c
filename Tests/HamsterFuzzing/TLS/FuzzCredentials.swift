import Foundation
import HamsterTLS
import HamsterTesting

/// A CA with a server and a client, and contexts of them.
struct FuzzCredentials: Sendable {
    static let protocols = ["loghamster/1"]

    let scratch: ScratchDirectory
    let authority: CertificateAuthority
    let serverPair: CertificateAuthority.Pair
    let clientPair: CertificateAuthority.Pair

    init() async throws {
        scratch = try ScratchDirectory()
        authority = try await CertificateAuthority(in: scratch)
        serverPair = try await authority.server("localhost", "127.0.0.1")
        clientPair = try await authority.client("web1")
    }

    var server: TLSServerConfiguration {
        TLSServerConfiguration(
            certificate: serverPair.certificate, key: serverPair.key, clientCA: authority.certificate,
            clientAuthentication: .require, crl: authority.revocations, minimumVersion: .v12)
    }

    var client: TLSClientConfiguration {
        TLSClientConfiguration(
            ca: authority.certificate, certificate: clientPair.certificate, key: clientPair.key,
            serverName: "localhost", minimumVersion: .v12)
    }

    func serverContext() throws(TLSError) -> TLSContext {
        try TLSContext(server: server, applicationProtocols: Self.protocols)
    }

    /// A new one for each connection: it would go on with the session of the last one.
    func clientContext() throws(TLSError) -> TLSContext {
        try TLSContext(client: client, applicationProtocols: Self.protocols)
    }
}
