import HamsterCore
import Testing

struct IPAddressTests {
    @Test func `addresses are read in their usual forms, and nothing else is one`() throws {
        #expect(IPAddress("192.0.2.1")?.bytes == [192, 0, 2, 1])
        #expect(IPAddress("::ffff:192.0.2.1") == IPAddress("192.0.2.1"))
        #expect(IPAddress("2001:db8::1")?.bytes.count == 16)
        for text in ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "[::1]", "::1%eth0", "localhost", "1.2.3.4:80"] {
            #expect(IPAddress(text) == nil, "\(text)")
        }
        #expect(IPAddress([1, 2, 3]) == nil)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("192.0.2.128/25", "192.0.2.127", false),
        ("192.0.2.128/25", "192.0.2.200", true), ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
        ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false), ("2001:db8::/33", "2001:db8:7fff::1", true),
        ("2001:db8::/33", "2001:db8:8000::1", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
    ])
    func `a network holds its addresses`(network: String, address: String, isInside: Bool) throws {
        #expect(try #require(IPNetwork(network)).contains(#require(IPAddress(address))) == isInside)
    }

    @Test(arguments: [
        "", "/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "x/1",
    ])
    func `what is no network is refused`(text: String) {
        #expect(IPNetwork(text) == nil)
    }
}
