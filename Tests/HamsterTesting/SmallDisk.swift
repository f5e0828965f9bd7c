import Foundation

/// A file system of its own in memory, mounted on a directory; unmounted with the last reference.
package final class SmallDisk: Sendable {
    /// Whether this process may mount: root outside of most containers.
    package static let isAllowed: Bool = {
        guard let scratch = try? ScratchDirectory(), (try? SmallDisk(at: scratch("probe"), mebibytes: 1)) != nil else {
            return false
        }
        return true
    }()

    package let path: String

    /// Makes the directory where it is missing.
    package init(at path: String, mebibytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(mebibytes)m") == 0 else {
            throw TestingError("mount \(path): \(String(cString: strerror(errno)))")
        }
    }

    // A process that still has files open there keeps them; the name is free at once.
    deinit { umount2(path, CInt(MNT_DETACH)) }

    package func setReadOnly(_ isReadOnly: Bool) throws {
        let flags = UInt(MS_REMOUNT) | (isReadOnly ? UInt(MS_RDONLY) : 0)
        guard mount("tmpfs", path, "tmpfs", flags, nil) == 0 else {
            throw TestingError("remount \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Fills what is free but for some bytes.
    package func fill(leaving bytes: Int) throws {
        let free = try FileManager.default.attributesOfFileSystem(forPath: path)[.systemFreeSize] as? Int ?? 0
        let ballast = Data(repeating: 0x20, count: max(0, free - bytes))
        try ballast.write(to: URL(fileURLWithPath: "\(path)/ballast"))
    }

    package func removeFilling() throws { try FileManager.default.removeItem(atPath: "\(path)/ballast") }
}
