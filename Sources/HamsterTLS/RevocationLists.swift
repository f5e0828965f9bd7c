private import Glibc

/// The revocation lists that a path stands for: those of one file, or of every file in a directory.
enum RevocationLists {
    /// Reads them all; the result isn't empty. Throws for the first file that is no list, since what can't be read would revoke
    /// nothing without a word, and for a CA whose lists have all expired.
    static func read(_ path: String) throws(TLSError) -> [RevocationList] {
        var lists: [(file: String, list: RevocationList)] = []
        for file in try files(path) {
            for list in try PEMFile(path: file, role: .revocationList).revocationLists() { lists.append((file, list)) }
        }
        // The CA's old list may lie beside its new one.
        for (issuer, own) in Dictionary(grouping: lists, by: { $0.list.issuer }).sorted(by: { $0.key < $1.key }) {
            guard own.allSatisfy({ $0.list.isExpired(at: .now) }) else { continue }
            guard let last = own.max(by: { $0.list.end < $1.list.end }) else { continue }
            throw TLSError(
                .revocationListExpired, last.file,
                "revocation list of '\(issuer)' expired at \(last.list.end); get the CA's new one")
        }
        return lists.map(\.list)
    }

    /// The files in order of their names: all but those whose names begin with a dot. A file stands for itself.
    private static func files(_ path: String) throws(TLSError) -> [String] {
        guard let directory = opendir(path) else {
            // What else is wrong with it is said where the file is read.
            guard errno == EACCES, isDirectory(path) else { return [path] }
            throw TLSError(.fileUnreadable, path, "the directory of revocation lists can't be read: \(reason(EACCES))")
        }
        defer { closedir(directory) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        guard errno == 0 else {
            throw TLSError(.fileUnreadable, path, "the directory of revocation lists can't be read: \(reason(errno))")
        }
        guard !names.isEmpty else {
            throw TLSError(
                .fileMalformed, path, "the directory holds no revocation list; put each CA's list there as a file")
        }
        return names.sorted().map { "\(path)/\($0)" }
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
}
