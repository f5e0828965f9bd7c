import HamsterCore
import HamsterFiles
import HamsterTesting

/// An output with all files that were put aside for it, as a reader of the logs sees them.
extension SimulatedDisk {
    /// The bytes of an output from the beginning: of the files that were put aside, oldest first, and then of its own. A
    /// compressed file that is no whole gzip file has none. Written without the store's own knowledge of the names.
    func stored(_ path: SourcePath) -> [UInt8] {
        guard let directory = try? directory(of: path, .open) else { return [] }
        let base = path.lastName
        let rotated = directory.entries.keys.compactMap { RotatedFile($0, of: base) }
        let plain = Set(rotated.filter { !$0.isCompressed }.map(\.order))
        var bytes: [UInt8] = []
        for file in rotated.sorted(by: { $0.order.lexicographicallyPrecedes($1.order) }) {
            // A kill leaves both for a while.
            if file.isCompressed, plain.contains(file.order) { continue }
            guard let inode = directory.entries[file.name] else { continue }
            bytes += file.isCompressed ? uncompressed(inode) : inode.bytes
        }
        return bytes + (contents(path) ?? [])
    }

    private func uncompressed(_ inode: SimulatedInode) -> [UInt8] {
        // It is asked for at every commit.
        if let known = uncompressedFiles[inode.number], known.compressed == inode.bytes { return known.content }
        let content = gunzip(inode.bytes) ?? []
        uncompressedFiles[inode.number] = (inode.bytes, content)
        return content
    }
}

/// `app.log.3`, `app.log-20240131T235959Z-2.gz` and the like.
private struct RotatedFile {
    var name: [UInt8]
    /// Sorts the oldest file first.
    var order: [Int]
    var isCompressed: Bool

    init?(_ name: [UInt8], of base: [UInt8]) {
        guard name.count > base.count + 1, name.starts(with: base) else { return nil }
        let separator = name[base.count]
        let text = String(decoding: name.dropFirst(base.count + 1), as: UTF8.self)
        isCompressed = text.hasSuffix(".gz")
        let label = isCompressed ? text.dropLast(3) : text[...]
        self.name = name
        if separator == UInt8(ascii: "."), let number = Int(label) {
            order = [-number]
        } else if separator == UInt8(ascii: "-") {
            order = label.split(separator: "-").compactMap { Int($0.filter(\.isNumber)) }
        } else {
            return nil
        }
    }
}
