private import Foundation
internal import HamsterConfiguration

/// The files that are made of the tables of keys.
package enum Reference {
    package static let document = "docs/configuration.md"
    package static let manual = "docs/man/loghamster.toml.5"

    private static let client = ReferenceTable.all(of: "loghamsterc", .client)
    private static let server = ReferenceTable.all(of: "loghamsterd", .server)

    /// What the files below `root` have to hold. Throws where one can't be read, or its markers are wrong.
    package static func files(in root: String) throws -> [(path: String, text: String)] {
        let old = try String(contentsOfFile: "\(root)/\(document)", encoding: .utf8)
        return [
            (document, try MarkdownReference.updating(old, client + server)),
            (manual, ManualPage.text(client: client, server: server)),
        ]
    }
}
