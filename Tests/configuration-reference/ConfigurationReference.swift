import Foundation
import HamsterReference

/// Writes what is made of the tables of keys: in docs/configuration.md between its markers, and docs/man/loghamster.toml.5.
@main struct ConfigurationReference {
    static func main() throws {
        for (path, text) in try Reference.files(in: ".") {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
    }
}
