internal import HamsterCore
package import HamsterFiles
package import HamsterStatus
internal import Synchronization

/// What was issued and revoked, and for whom: a line of JSON each, only ever appended, on disk before anything else is done.
package final class AuditLog: Sendable {
    /// One line.
    package struct Entry: Sendable, Hashable {
        package enum Event: String, Sendable, Hashable {
            case tokenMade = "token made"
            case tokenRevoked = "token revoked"
            case enrolled, renewed
            case certificateRevoked = "certificate revoked"

            /// Whether it made a certificate.
            package var isIssue: Bool {
                switch self {
                case .enrolled, .renewed: true
                case .tokenMade, .tokenRevoked, .certificateRevoked: false
                }
            }
        }

        /// In seconds since 1970.
        package var time: Int64
        package var event: Event
        package var host: String
        package var serial: String?
        /// SHA-256 of the certificate.
        package var fingerprint: String?
        /// The end of the certificate, or of the token; in seconds since 1970.
        package var end: Int64?
        package var address: String?
        package var tokenID: String?
        /// The serial of the certificate that was shown for this one.
        package var previous: String?

        package init(_ event: Event, host: String, at time: Int64) {
            self.event = event
            self.host = host
            self.time = time
        }

        /// As it stands in the file.
        package var document: JSON {
            .object([
                .init("time", .number(time)), .init("event", .string(event.rawValue)), .init("host", .string(host)),
                .init("serial", .optional(serial)), .init("fingerprint", .optional(fingerprint)),
                .init("end", end.map { .number($0) } ?? .null), .init("address", .optional(address)),
                .init("token", .optional(tokenID)), .init("previous", .optional(previous)),
            ])
        }

        init?(_ line: some Collection<UInt8>) {
            guard let json = JSON(parsing: Array(line)), case .integer(let time)? = json["time"],
                case .string(let name)? = json["event"], let event = Event(rawValue: name),
                case .string(let host)? = json["host"]
            else { return nil }
            func text(_ key: String) -> String? {
                guard case .string(let text)? = json[key] else { return nil }
                return text
            }
            self.init(event, host: host, at: Int64(time))
            serial = text("serial")
            fingerprint = text("fingerprint")
            address = text("address")
            tokenID = text("token")
            previous = text("previous")
            if case .integer(let number)? = json["end"] { end = Int64(number) }
        }
    }

    private static let bytesAtATime = 1 << 20

    package let path: String
    private let fileSystem: LinuxFileSystem
    private let owner: FileOwner?
    private let appending = Mutex(())

    /// Opens nothing yet. Throws ``FileError`` where there is no such folder.
    package init(stateDirectory: String, fileSystem: LinuxFileSystem) throws(FileError) {
        path = "\(stateDirectory)/enroll/audit.jsonl"
        owner = try fileSystem.ownerToKeep(of: stateDirectory)
        self.fileSystem = fileSystem
    }

    /// Returns when the line is on disk. Throws ``FileError``, and has appended nothing then.
    package func append(_ entry: Entry) throws(FileError) {
        let line = entry.document.encoded + [UInt8(ascii: "\n")]
        let result = appending.withLock { _ in Result { () throws(FileError) in try append(line) } }
        try result.get()
    }

    private func append(_ line: [UInt8]) throws(FileError) {
        let opening = OutputOpening(mode: 0o640, directoryMode: 0o700, owner: owner?.user, group: owner?.group)
        let file = try fileSystem.openOutput(.absolute(SourcePath(path)), opening)
        // A power cut may have left half a line: the next one must not be lost with it.
        let size = try file.status().size
        let last = size > 0 ? try fileSystem.open(SourcePath(path)).bytes(at: size - 1, count: 1) : []
        let isTorn = last.first.map { $0 != UInt8(ascii: "\n") } ?? false
        let bytes = (isTorn ? [UInt8(ascii: "\n")] : []) + line
        try unsafe file.append(bytes.span.bytes)
        try file.synchronize()
        for directory in file.changedDirectories { try fileSystem.synchronizeDirectory(directory) }
    }

    /// Where to go on reading, once more was appended: behind the last whole line.
    package struct Position: Sendable {
        fileprivate var offset: UInt64 = 0
        fileprivate var lineCount = 0

        /// The file's begin.
        package init() {}
    }

    /// What was read of the file.
    package struct Content: Sendable {
        /// The oldest first.
        package var entries: [Entry] = []
        /// The numbers of the lines that are no entries. Not of half ones, which a power cut or a full disk leaves: nothing was
        /// done for which they stand.
        package var damagedLines: [Int] = []
        package var end = Position()
    }

    /// Those of the entries that `isWanted`, from `start` on, the end of an earlier ``Content``. The file is read in parts: it may
    /// hold more than memory does.
    package func entries(
        from start: Position = Position(), where isWanted: (Entry) -> Bool = { _ in true }
    ) throws(FileError) -> Content {
        var content = Content()
        content.end = try forEachLine(from: start) { number, line in
            guard line.last == UInt8(ascii: "}") else { return }
            guard let entry = Entry(line) else { return content.damagedLines.append(number) }
            if isWanted(entry) { content.entries.append(entry) }
        }
        return content
    }

    /// Calls `body` for each line and its number, from 1, the last one also where its end is missing.
    private func forEachLine(
        from start: Position, _ body: (Int, ArraySlice<UInt8>) -> Void
    ) throws(FileError) -> Position {
        guard try fileSystem.status(of: SourcePath(path)) != nil else { return start }
        let file = try fileSystem.open(SourcePath(path))
        var (rest, end): ([UInt8], Position) = ([], start)
        while true {
            let bytes = try file.bytes(at: end.offset + UInt64(rest.count), count: Self.bytesAtATime)
            guard !bytes.isEmpty else { break }
            rest += bytes
            guard let last = rest.lastIndex(of: UInt8(ascii: "\n")) else { continue }
            for line in rest[..<last].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
                end.lineCount += 1
                body(end.lineCount, line)
            }
            end.offset += UInt64(last + 1)
            rest.removeSubrange(...last)
        }
        body(end.lineCount + 1, rest[...])
        return end
    }
}
