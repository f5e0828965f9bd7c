import Testing

@testable import HamsterConfiguration

struct NearestKeyTests {
    static let known = ["ca", "cert", "connect_timeout", "enabled", "key", "server_name"]

    @Test(arguments: [
        ("server_nam", "server_name"), ("sever_name", "server_name"), ("servername", "server_name"),
        ("timeout_connect", nil), ("conect_timout", "connect_timeout"), ("certificate", nil), ("crt", "cert"),
        ("banana", nil), ("", "ca"), ("enable", "enabled"),
    ])
    func `a slip finds its key, another word finds none`(key: String, nearest: String?) {
        #expect(nearestKey(to: key, among: Self.known) == nearest)
    }

    @Test func `of two keys as near the first in the alphabet is named`() {
        #expect(nearestKey(to: "hist", among: ["host", "list"]) == "host")
        #expect(nearestKey(to: "hist", among: ["list", "host"]) == "host")
    }

    @Test func `where nothing is known nothing is near`() {
        #expect(nearestKey(to: "a", among: [String]()) == nil)
    }
}
