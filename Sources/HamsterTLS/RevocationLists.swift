private import Glibc

/// The revocation lists that a path stands for: those of one file, or of every file in a directory.
enum RevocationLists {
    /// Reads them all, and gives the youngest of each CA; the result isn't empty. Throws for the first file that is no list,
    /// since what can't be read would revoke nothing without a word, and where the youngest has ended or begins later: OpenSSL
    /// would fall back to an older one, in which the newest revocations are missing.
    static func read(
        _ path: String, at now: CertificateTime = .now
    ) throws(TLSError) -> [RevocationList] {
        var youngest: [[[UInt8]]: (file: String, list: RevocationList)] = [:]
        for file in try files(path) {
            for list in try PEMFile(path: file, role: .revocationList).revocationLists() {
                guard !list.isDelta else {
                    throw TLSError(
                        .fileMalformed, file,
                        "revocation list of '\(list.issuer)' tells only of changes; get the full one")
                }
                guard let known = youngest[list.scope], list.isOlder(than: known.list) else {
                    youngest[list.scope] = (file, list)
                    continue
                }
            }
        }
        let found = youngest.values.sorted { ($0.list.issuer, $0.file) < ($1.list.issuer, $1.file) }
        for (file, list) in found { try check(list, file, now) }
        return found.map(\.list)
    }

    private static func check(_ list: RevocationList, _ file: String, _ now: CertificateTime) throws(TLSError) {
        guard now <= list.end else {
            throw TLSError(
                .revocationListExpired, file,
                "revocation list of '\(list.issuer)' expired at \(list.end); get the CA's new one")
        }
        guard list.lastUpdate <= now else {
            throw TLSError(
                .revocationListNotYetValid, file,
                "revocation list of '\(list.issuer)' is not valid before \(list.lastUpdate), and it is \(now); "
                    + "compare the clocks")
        }
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
