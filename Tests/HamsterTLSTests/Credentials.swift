import HamsterTesting
import NIOCore

@testable import HamsterTLS

/// A test's CA with a good server and a good client, and contexts of them.
struct Credentials {
    let pki: TestPKI
    let serverIssued: TestPKI.Issued
    let clientIssued: TestPKI.Issued

    init() throws {
        pki = try TestPKI()
        serverIssued = try pki.issue("server", .init(subject: "/CN=log", names: "DNS:log.example.org,IP:127.0.0.1"))
        clientIssued = try pki.issue("client", .init(subject: "/CN=web1", names: "DNS:WEB1.example.org"))
    }

    func serverConfiguration(_ issued: TestPKI.Issued? = nil) -> TLSServerConfiguration {
        let issued = issued ?? serverIssued
        return TLSServerConfiguration(
            certificate: issued.certificate, key: issued.key, clientCA: pki.ca.certificate,
            clientAuthentication: .require)
    }

    func clientConfiguration(_ issued: TestPKI.Issued? = nil) -> TLSClientConfiguration {
        let issued = issued ?? clientIssued
        return TLSClientConfiguration(
            ca: pki.ca.certificate, certificate: issued.certificate, key: issued.key, serverName: "log.example.org")
    }

    /// `clock` goes on from now as the test says.
    func server(
        minimumVersion: TLSVersion = .v13, protocols: [String] = ["loghamster/1"],
        clock: ManualClock? = nil, _ change: (inout TLSServerConfiguration) -> Void = { _ in }
    ) throws -> TLSContext {
        var configuration = serverConfiguration()
        configuration.minimumVersion = minimumVersion
        change(&configuration)
        guard let clock else { return try TLSContext(server: configuration, applicationProtocols: protocols) }
        let start = CertificateTime.now.unixSeconds
        return try TLSContext(server: configuration, applicationProtocols: protocols) {
            start + clock.now.components.seconds
        }
    }

    func client(
        minimumVersion: TLSVersion = .v13, protocols: [String] = ["loghamster/1"],
        _ change: (inout TLSClientConfiguration) -> Void = { _ in }
    ) throws -> TLSContext {
        var configuration = clientConfiguration()
        configuration.minimumVersion = minimumVersion
        change(&configuration)
        return try TLSContext(client: configuration, applicationProtocols: protocols)
    }
}

extension Channel {
    /// The port a listener got.
    var port: Int { localAddress?.port ?? 0 }
}
