import HamsterCore
import Testing

struct HostAndPortTests {
    @Test(arguments: [
        ("log:1", "log", 1), ("log", "log", 7_007), ("10.0.0.1:65535", "10.0.0.1", 65_535), ("[::1]:2", "::1", 2),
        ("[::1]", "::1", 7_007), (":8091", "::", 8_091), ("a:0", "a", 0),
    ])
    func `a host and a port, or a default`(text: String, host: String, port: Int) {
        let place = HostAndPort(text, defaultPort: 7_007)
        #expect(place?.host == host)
        #expect(place?.port == port)
    }

    @Test(arguments: [
        "", ":", "a:", "a:65536", "a:-1", "a:+1", "a:x", "a:1:2", "::1", "[::1", "[]:1", "[::1]1", "[::1]x:1", "a b:1",
        "a/b:1", "a:１", " a",
    ])
    func `anything else is refused`(text: String) {
        #expect(HostAndPort(text, defaultPort: 7_007) == nil)
    }

    @Test(arguments: ["a", "[::1]", "10.0.0.1"])
    func `without a default the port must be there`(text: String) {
        #expect(HostAndPort(text) == nil)
    }

    @Test(arguments: [
        ("localhost", true), ("127.0.0.1", true), ("127.255.1.2", true), ("::1", true), ("128.0.0.1", false),
        ("127.evil.example.com", false), ("127.0.0.1.example.com", false), ("::", false), ("0.0.0.0", false),
        ("127.0.0.256", false),
    ])
    func `only this machine's own addresses are loopback`(host: String, isLoopback: Bool) {
        #expect(HostAndPort.isLoopback(host) == isLoopback)
    }
}
