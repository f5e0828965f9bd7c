package import HamsterCore
package import HamsterFiles

/// What kept the store from doing its work. Callers decide by `code`; the text is for people.
package struct StoreError: Error, Sendable, Hashable {
    /// What kind of trouble it is, and so who has to do something.
    package enum Code: Sendable, Hashable {
        /// The stream is open already, or a `bytes` output has another writer.
        case busy
        /// Another process has the state directory.
        case locked
        /// The journal is damaged in its middle or emptied, or has a form that this version doesn't know: an operator decides.
        case damagedJournal, unknownJournalVersion
        /// The folder that the key `state`, or `directory`, names could not be made.
        case stateFolder, outputFolder
        /// The journal could not be read or written: nothing can be committed.
        case journal
        /// The output could not be opened or written. Its bytes so far are committed as usual.
        case output
        /// The output could not be synchronized: its bytes since the last commit are lost, and streams resume from there.
        case lost
        /// The output was removed while it was open: its bytes since the last commit are gone with it, and streams resume
        /// from there, in a new file.
        case removed
        /// Somebody else has cut the output; it goes on from where it ends. `number` is how many bytes are gone.
        case truncated
        /// The output could not be put aside; it is written to as before, and that is tried again.
        case rotation
        /// The name that a file would get that is put aside is another output's; for the rest as `rotation`.
        case nameTaken
        /// Files that were put aside could not be looked at, compressed or removed; they are as they were.
        case retention
        /// The store or the writer was closed before.
        case closed
    }

    package var code: Code
    /// The output or journal that it is about.
    package var path: SourcePath
    /// What the file system said.
    package var cause: FileError?
    /// The damaged byte's offset in the journal (nil: it is empty), the version that it claims, or bytes that are gone.
    package var number: UInt64?

    package init(_ code: Code, _ path: SourcePath, cause: FileError? = nil, number: UInt64? = nil) {
        self.code = code
        self.path = path
        self.cause = cause
        self.number = number
    }
}

extension StoreError {
    /// Runs file work, whose errors become the cause of one of these.
    static func about<Result>(
        _ path: SourcePath, _ code: Code, _ body: () throws(FileError) -> Result
    ) throws(StoreError) -> Result {
        do {
            return try body()
        } catch {
            throw StoreError(code, path, cause: error)
        }
    }
}

extension StoreError: CustomStringConvertible {
    /// What was attempted, on what, what was wrong and, where known, what to do.
    package var description: String {
        let cause = cause.map { ": \($0)" } ?? ""
        return switch code {
        case .busy: "\(path): is being written by another stream\(cause)"
        case .locked: "\(path): the state directory is in use by another process\(cause)"
        case .damagedJournal:
            "\(path): \(damageText): restore the file, or move it away "
                + "and let clients send from where they know their files to be acknowledged"
        case .unknownJournalVersion:
            "\(path): has version \(number ?? 0), this program knows version \(JournalFormat.version): use the "
                + "program that wrote it"
        case .stateFolder: folderText(key: "state")
        case .outputFolder: folderText(key: "directory")
        case .journal: "\(path): the journal can't be used\(cause)"
        case .output: "\(path): the output can't be written\(cause)"
        case .lost: "\(path): bytes since the last commit were lost\(cause)"
        case .removed: "\(path): was removed while it was being written: bytes since the last commit are sent again"
        case .truncated: "\(path): was cut by another program: \(number ?? 0) bytes of it are gone"
        case .rotation: "\(path): can't be rotated, and is written to as before; tried again in a minute\(cause)"
        case .nameTaken:
            "\(path): is an output of its own, and so no name for a rotated file: rotate with names = \"dated\""
        case .retention: "\(path): rotated files can't be compressed or removed, and stay as they are\(cause)"
        case .closed: "\(path): was closed"
        }
    }

    private var damageText: String {
        guard let number else { return "is empty, and what it held is lost" }
        return "damaged at byte \(number), and not by a crash at its end"
    }

    /// `cause` may be about a folder above.
    private func folderText(key: String) -> String {
        "'\(key)': the folder \(path) can't be made: \(cause?.reason ?? "unknown reason"): "
            + "make it, or name another that this user may make and write to"
    }
}
