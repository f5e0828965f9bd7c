import HamsterCore
import HamsterServer
import HamsterTLS
import Testing

struct HostBindingTests {
    static let peer = PeerIdentity(
        subject: "CN=web9.example.com", dnsNames: ["web1.example.com", "*.wild.org", "relay1"],
        ipAddresses: ["10.0.0.1", "fe80::1"], fingerprint: "", serial: "", notAfter: 0)

    @Test(arguments: [
        ("web1.example.com", true), ("WEB1.example.COM", true), ("web1", false), ("web9.example.com", false),
        ("10.0.0.1", true), ("fe80::1", true), ("FE80::1", true), ("10.0.0.2", false), ("a.wild.org", false),
        ("web1.example.com.", false), ("", false),
    ])
    func `a host must be a name or an address of the certificate, letter for letter`(host: String, isPermitted: Bool) {
        #expect(HostBinding(isRequired: true).permits(Self.peer, host: host) == isPermitted)
    }

    @Test(arguments: [("web7", true), ("Web7", true), ("db", true), ("db2", false), ("mail", false)])
    func `a relay may send for its hosts`(host: String, isPermitted: Bool) throws {
        let hosts = try ["web*", "db"].map { try #require(Glob($0)) }
        let binding = HostBinding(isRequired: true, relays: [.init(certificate: "Relay1", hosts: hosts)])
        #expect(binding.permits(Self.peer, host: host) == isPermitted)

        let others = HostBinding(isRequired: true, relays: [.init(certificate: "relay2", hosts: hosts)])
        #expect(!others.permits(Self.peer, host: host))
    }

    @Test func `without a certificate nobody, unless nothing is asked for`() {
        #expect(!HostBinding(isRequired: true).permits(nil, host: "web1"))
        #expect(HostBinding(isRequired: false).permits(nil, host: "web1"))
        #expect(HostBinding(isRequired: false).permits(Self.peer, host: "anything"))
    }
}
