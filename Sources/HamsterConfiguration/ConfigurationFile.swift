package import HamsterFiles

/// A configuration file's text and place, before it is understood.
package struct ConfigurationFile: Sendable {
    /// Larger ones are not configuration files.
    private static let bytesMax = 4 * 1024 * 1024

    let path: String
    let text: String

    package init(path: String, text: String) {
        self.path = path
        self.text = text
    }

    /// Reads the file. Relative paths start at `workingDirectory`.
    package init(
        reading path: String, workingDirectory: String, fileSystem: any FileSystem
    ) throws(ConfigurationError) {
        let absolute = path.hasPrefix("/") ? path : workingDirectory + "/" + path
        self.path = absolute
        let bytes: [UInt8]?
        do throws(FileError) {
            bytes = try fileSystem.contents(of: absolute, bytesMax: Self.bytesMax)
        } catch {
            throw Self.unreadable(absolute, "can't be read: \(error.reason)")
        }
        guard let bytes else {
            throw Self.unreadable(absolute, "there is no such file: check the path given with --config")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Self.unreadable(absolute, "the file is not UTF-8 text")
        }
        self.text = text
    }

    var document: ConfigurationDocument {
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        return ConfigurationDocument(text: text, origin: path, directory: directory)
    }

    private static func unreadable(_ path: String, _ text: String) -> ConfigurationError {
        ConfigurationError(problems: [ConfigurationProblem(origin: path, key: "", text: text)])
    }
}
