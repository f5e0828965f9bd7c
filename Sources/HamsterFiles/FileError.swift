internal import CLinux
internal import Glibc
package import HamsterCore

/// What was attempted on a file; the middle of a `FileError`'s text.
package enum FileOperation: String, Sendable, Hashable {
    case open, read, append, synchronize, truncate, replace, rename, remove, lock, list, status, watch
    case makeDirectory = "make directory"
}

/// A system call on a file that went wrong. Callers decide by `code` (an errno) and `refusal`, never by the text.
package struct FileError: Error, Sendable, Hashable {
    /// A refusal of ours, where the kernel had no objection.
    package enum Refusal: Sendable, Hashable {
        /// A regular file was expected; the code is EISDIR for a directory, else EINVAL.
        case notRegular(FileKind)
        /// A path with a NUL, an empty component, `.`, `..`, or a component above 255 bytes; the code is EINVAL.
        case illegalPath
        /// More bytes than the caller allowed; the code is EFBIG.
        case larger(thanBytes: Int)
        /// Less than so many bytes are free, which are to stay free; the code is ENOSPC.
        case reserved(bytes: UInt64)
    }

    /// What became of the bytes that an append had written before it failed.
    package enum Remains: Sendable, Hashable {
        /// The file has the length that it had before the append.
        case cutBack(bytes: Int)
        /// The file could not be cut back: it ends with part of what was to be appended.
        case torn(bytes: Int)
    }

    package var operation: FileOperation
    package var path: SourcePath
    /// An errno, such as ENOENT.
    package var code: Int32
    /// Set where this module refused, and not the kernel.
    package var refusal: Refusal?
    /// Set where an append failed after it had written some of its bytes.
    package var remains: Remains?

    package init(_ operation: FileOperation, _ path: SourcePath, code: Int32, refusal: Refusal? = nil) {
        self.operation = operation
        self.path = path
        self.code = code
        self.refusal = refusal
    }

    /// The name leads to another file than it did.
    package static let staleCode = ESTALE
    /// The name is in use.
    package static let existsCode = EEXIST
    /// There is no space left.
    package static let fullCode = ENOSPC
    package static let noMemoryCode = ENOMEM
    /// Not with this kind of file.
    package static let invalidCode = EINVAL

    /// The file or a directory of its path does not exist.
    package var isMissing: Bool { code == ENOENT || code == ENOTDIR }
    /// The name leads to another file than the one that was meant.
    package var isStale: Bool { code == ESTALE }
    /// Another process holds the lock.
    package var isLocked: Bool { operation == .lock && code == EWOULDBLOCK }
    /// The disk, or the share of it that this user may have, is full.
    package var isFull: Bool { code == ENOSPC || code == EDQUOT }
    /// The process, or the system, has as many files open as it may.
    package var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }
    /// This user may not do that, or nobody may on a file system mounted read-only.
    package var isForbidden: Bool { code == EACCES || code == EPERM || code == EROFS }
}

extension FileError: CustomStringConvertible {
    /// Path, what was attempted, why it could not be done and, where known, what to do.
    package var description: String {
        var text = "\(path): \(operation.rawValue): \(reason)"
        switch remains {
        case .cutBack(let bytes): text += "; the \(bytes) bytes written of it were cut off again"
        case .torn(let bytes): text += "; \(bytes) bytes of it were left behind"
        case nil: break
        }
        if let advice { text += " (\(advice))" }
        return text
    }

    /// Why it could not be done, without the path and what was attempted.
    package var reason: String {
        switch refusal {
        case .notRegular(let kind): "is a \(kind.name), not a regular file"
        case .illegalPath: "illegal path: NUL, an empty component, '.', '..' or more than 255 bytes"
        case .larger(let bytes): "is larger than \(bytes) bytes"
        case .reserved(let bytes): "less than \(bytes) bytes of the file system are free"
        case nil where isLocked: "another process holds it"
        case nil: reasonOfErrno(code)
        }
    }

    private var advice: String? {
        if isFull { return "free some space" }
        if isOutOfDescriptors { return "raise the limit of open files" }
        switch code {
        case EROFS: return "remount the file system writable"
        case EXDEV where operation == .open: return "a symbolic link leads out of the base directory"
        case ENOSPC where operation == .watch: return "raise fs.inotify.max_user_watches"
        default: return nil
        }
    }
}
