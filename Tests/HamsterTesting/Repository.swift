import Foundation

/// Where this checkout and the programs that the tests build are.
package enum Repository {
    /// The checkout's root.
    package static let root: String = {
        let file = #filePath as NSString
        return ((file.deletingLastPathComponent as NSString).deletingLastPathComponent as NSString)
            .deletingLastPathComponent
    }()

    /// A program of this package, beside the test bundle that runs.
    package static func program(_ name: String) throws -> String {
        var directory = (CommandLine.arguments[0] as NSString).deletingLastPathComponent
        while directory.count > 1 {
            let candidate = "\(directory)/\(name)"
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            directory = (directory as NSString).deletingLastPathComponent
        }
        let usual = "\(root)/.build/debug/\(name)"
        guard FileManager.default.isExecutableFile(atPath: usual) else {
            throw TestingError("\(name) is not built: run swift build first")
        }
        return usual
    }
}
