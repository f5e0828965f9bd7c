/// How many of something hosts have, by their names in lower case. A host that has none takes no memory.
struct HostCounts: Sendable {
    private var counts: [String: Int] = [:]

    subscript(host: String) -> Int { counts[host.lowercased(), default: 0] }

    mutating func add(_ host: String) { counts[host.lowercased(), default: 0] += 1 }

    mutating func remove(_ host: String) {
        let host = host.lowercased()
        let count = counts[host, default: 1] - 1
        counts[host] = count == 0 ? nil : count
    }
}
