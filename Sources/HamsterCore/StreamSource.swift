/// Where a stream comes from: one path on one host, as `INIT STREAM` names it.
package struct StreamSource: Sendable, Hashable, CustomStringConvertible {
    /// A host name of 1 to 253 characters, or an IPv6 address without its brackets.
    package var host: String
    /// An absolute path of at most 4,096 bytes, kept as bytes: file names need not be UTF-8.
    package var path: SourcePath

    package init(host: String, path: SourcePath) {
        self.host = host
        self.path = path
    }

    package var description: String { "\(host):\(path)" }
}
