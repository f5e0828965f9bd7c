internal import CLinux
internal import Glibc

/// What stands behind a name.
package enum FileKind: Sendable, Hashable {
    case regular, directory, symbolicLink, fifo, socket, device, unknown

    /// From the type bits of `st_mode`.
    init(mode: UInt32) {
        self =
            switch mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            case S_IFIFO: .fifo
            case S_IFSOCK: .socket
            case S_IFBLK, S_IFCHR: .device
            default: .unknown
            }
    }

    var name: String {
        switch self {
        case .regular: "regular file"
        case .directory: "directory"
        case .symbolicLink: "symbolic link"
        case .fifo: "FIFO"
        case .socket: "socket"
        case .device: "device"
        case .unknown: "file of unknown kind"
        }
    }
}

/// A point of time as a file system keeps it: nanoseconds since 1970.
package struct FileTime: Sendable, Hashable, Comparable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// A file can claim any time; what Int64 can't hold becomes its nearest end.
    init(seconds: Int64, nanoseconds: UInt32) {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowOfSum) = product.addingReportingOverflow(Int64(nanoseconds))
        self.nanoseconds = overflow || overflowOfSum ? (seconds < 0 ? .min : .max) : sum
    }

    /// Negative where the other time is later. Exact for all times that there are: a file can claim any.
    package func duration(since other: Self) -> Duration {
        .nanoseconds(nanoseconds) - .nanoseconds(other.nanoseconds)
    }

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}

/// What makes a file this file, whatever it is called: inode and birth time. The device counts only where the file
/// system keeps no birth time, because device numbers change at reboots.
package struct FileIdentity: Sendable, Hashable {
    package var inode: UInt64
    /// Nil where the file system keeps none.
    package var born: FileTime?
    /// Nil where there is a birth time.
    package var device: UInt64?

    package init(inode: UInt64, born: FileTime?, device: UInt64?) {
        self.inode = inode
        self.born = born
        self.device = born == nil ? device : nil
    }
}

/// What the file system knows of a file at one moment.
package struct FileStatus: Sendable, Hashable {
    package var kind: FileKind
    /// Major number in the upper half, minor in the lower.
    package var device: UInt64
    package var inode: UInt64
    /// In bytes.
    package var size: UInt64
    /// Names that the file has; 0 for one that was removed while open.
    package var links: UInt64
    /// Permission bits without the kind.
    package var mode: UInt32
    /// Numeric.
    package var owner: UInt32
    /// Numeric.
    package var group: UInt32
    /// Nil where the file system keeps none.
    package var born: FileTime?
    /// Of the content.
    package var modified: FileTime
    /// Of the content or of what is known about it (name, owner, mode).
    package var changed: FileTime

    package init(
        kind: FileKind, device: UInt64, inode: UInt64, size: UInt64, links: UInt64, mode: UInt32, owner: UInt32 = 0,
        group: UInt32 = 0, born: FileTime?, modified: FileTime, changed: FileTime
    ) {
        self.kind = kind
        self.device = device
        self.inode = inode
        self.size = size
        self.links = links
        self.mode = mode
        self.owner = owner
        self.group = group
        self.born = born
        self.modified = modified
        self.changed = changed
    }

    package var identity: FileIdentity { FileIdentity(inode: inode, born: born, device: device) }

    init(_ raw: CLinux_status) {
        let isBorn = raw.birth_seconds >= 0
        self.init(
            kind: FileKind(mode: raw.mode), device: raw.device, inode: raw.inode, size: raw.size, links: raw.links,
            mode: raw.mode & 0o7777, owner: raw.owner, group: raw.group,
            born: isBorn ? FileTime(seconds: raw.birth_seconds, nanoseconds: raw.birth_nanoseconds) : nil,
            modified: FileTime(seconds: raw.modified_seconds, nanoseconds: raw.modified_nanoseconds),
            changed: FileTime(seconds: raw.changed_seconds, nanoseconds: raw.changed_nanoseconds))
    }
}

/// One name in a directory, with what the directory itself says of it. `.` and `..` are never among the entries.
package struct DirectoryEntry: Sendable, Hashable {
    /// The name's bytes, 1 to 255, without `/` and NUL.
    package var name: [UInt8]
    /// Of the entry itself: a symbolic link is not followed. Unknown where the file system doesn't say.
    package var kind: FileKind
    package var inode: UInt64

    package init(name: [UInt8], kind: FileKind, inode: UInt64) {
        self.name = name
        self.kind = kind
        self.inode = inode
    }
}
