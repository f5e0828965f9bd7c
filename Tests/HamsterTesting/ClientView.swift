import Foundation

/// What is to be seen of the client from outside.
package struct ClientView {
    private let client: ChildProcess?
    private let scratch: ScratchDirectory

    /// `client`: nil where none runs.
    package init(_ client: ChildProcess?, in scratch: ScratchDirectory) {
        self.client = client
        self.scratch = scratch
    }

    package func hasOpen(_ name: String) throws -> Bool { try client?.openFiles().contains(scratch(name)) ?? false }

    /// Whether the state on disk has a path.
    package func knows(_ name: String) -> Bool { !records(of: name).isEmpty }

    private func records(of name: String) -> [[String: String]] {
        let state = String(decoding: scratch.contents("client-state/client.state") ?? [], as: UTF8.self)
        let path = "path=\(hex(scratch(name).utf8))"
        return state.split(separator: "\n").map { $0.split(separator: " ") }
            .filter { $0.contains { $0 == path } }
            .map { fields in
                let pairs = fields.map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
                return Dictionary(pairs.filter { $0.count == 2 }.map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
            }
    }

    private func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
