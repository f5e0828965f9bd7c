import HamsterCore
import HamsterFiles
import HamsterTesting

/// Something to do with files, the same for any file system; its outcome as text.
enum FileOperationStep: Sendable {
    case append(String, String)
    case appendExisting(String, String)
    case truncate(String, UInt64)
    case replace(String, String)
    case rename(String, String)
    case remove(String)
    case makeDirectory(String)
    case synchronizeDirectory(String)
    case status(String)
    case contents(String)
    case read(String)
    case list(String)
    case lockTwice(String)
    /// Reads a file that was opened before it was renamed, removed or appended to.
    case readAcross(String, to: String?, append: String)

    /// Names that meet each other: files, directories, files in directories, and one that never is.
    static func random(_ random: inout SeededGenerator) -> Self {
        let names = ["a", "b", "d", "d/a", "d/b", "d/e/c", "a/x", "none"]
        let (name, other) = (random.pick(names), random.pick(names))
        let text = random.text(0...9, of: "xyz\n\0")
        switch random.int(0...14) {
        case 0, 1, 2: return .append(name, text)
        case 3: return .appendExisting(name, text)
        case 4: return .truncate(name, UInt64(random.int(0...12)))
        case 5: return .replace(name, text)
        case 6, 7: return .rename(name, other)
        case 8: return .remove(name)
        case 9: return .makeDirectory(random.pick(["d", "d/e", "a", "b/x"]))
        case 10: return .synchronizeDirectory(name)
        case 11: return .list(random.pick(["", "d", "a", "none"]))
        case 12: return .lockTwice(name)
        case 13: return .readAcross(name, to: random.bool() ? other : nil, append: text)
        default: return random.bool() ? .status(name) : random.bool() ? .contents(name) : .read(name)
        }
    }
}

/// Does steps below a directory of some file system.
struct FileOperations {
    let fileSystem: any FileSystem
    let base: String

    /// What came of a step, without what differs between machines: inode numbers and times.
    func outcome(of step: FileOperationStep) -> String {
        do {
            return try run(step)
        } catch {
            return "errno \(error.code), \(error.refusal.map { "\($0)" } ?? "the kernel's")"
        }
    }

    private func path(_ name: String) -> SourcePath { SourcePath(name.isEmpty ? base : base + "/" + name) }

    private func run(_ step: FileOperationStep) throws(FileError) -> String {
        switch step {
        case .append(let name, let text): return try append(name, text, isCreating: true)
        case .appendExisting(let name, let text): return try append(name, text, isCreating: false)
        case .truncate(let name, let length):
            let file = try fileSystem.openOutput(.absolute(path(name)), OutputOpening(isCreating: false))
            try file.truncate(to: length)
            return describe(try file.status())
        case .replace(let name, let text):
            try fileSystem.replace(path(name).description, with: Array(text.utf8), mode: 0o640)
        case .rename(let name, let other): return try rename(name, other)
        case .remove(let name): try fileSystem.remove(path(name))
        case .makeDirectory(let name): try fileSystem.makeDirectory(path(name).description, mode: 0o750)
        case .synchronizeDirectory(let name): try fileSystem.synchronizeDirectory(path(name))
        case .status(let name): return try fileSystem.status(of: path(name)).map(describe) ?? "nothing"
        case .contents(let name):
            let bytes = try fileSystem.contents(of: path(name).description, bytesMax: 20)
            return bytes.map { String(decoding: $0, as: UTF8.self) } ?? "nothing"
        case .read(let name): return try read(try fileSystem.open(path(name)))
        case .list(let name):
            let entries = try fileSystem.entries(of: path(name))
            return entries.map { "\(String(decoding: $0.name, as: UTF8.self)) \($0.kind)" }.sorted().joined(
                separator: ", ")
        case .lockTwice(let name): return try lockTwice(path(name).description)
        case .readAcross(let name, let other, let text): return try readAcross(name, other, text)
        }
        return "done"
    }

    private func append(_ name: String, _ text: String, isCreating: Bool) throws(FileError) -> String {
        let components = name.split(separator: "/").map { Array($0.utf8) }
        let file = try fileSystem.openOutput(
            .beneath(base: base, components: components), OutputOpening(isCreating: isCreating))
        try file.append(Array(text.utf8).span.bytes)
        try file.synchronize()
        let changed = file.changedDirectories.map(\.description).sorted()
        return "\(describe(try file.status())) in \(file.entryDirectories), changed \(changed)"
    }

    private func rename(_ name: String, _ other: String) throws(FileError) -> String {
        // Nobody renames directories here, and the rules for that are many.
        guard try fileSystem.status(of: path(name))?.kind != .directory else { return "a directory" }
        try fileSystem.rename(path(name), to: path(other))
        return "done"
    }

    private func lockTwice(_ path: String) throws(FileError) -> String {
        let first = try fileSystem.lock(path)
        let second = Result { () throws(FileError) in try fileSystem.lock(path) }
        first.release()
        let third = try fileSystem.lock(path)
        third.release()
        if case .failure(let error) = second { return error.isLocked ? "locked" : "\(error)" }
        return "twice"
    }

    private func readAcross(_ name: String, _ other: String?, _ text: String) throws(FileError) -> String {
        let file = try fileSystem.open(path(name))
        let output = try fileSystem.openOutput(.absolute(path(name)), OutputOpening(isCreating: false))
        if let other { _ = try rename(name, other) } else { try fileSystem.remove(path(name)) }
        try output.append(Array(text.utf8).span.bytes)
        return "\(try read(file)) \(describe(try file.status()))"
    }

    private func read(_ file: any ReadableFile) throws(FileError) -> String {
        String(decoding: try file.bytes(at: 2, count: 30), as: UTF8.self)
    }

    private func describe(_ status: FileStatus) -> String {
        let size = status.kind == .regular ? "\(status.size) bytes, \(status.links) names" : "-"
        return "\(status.kind), \(size), mode \(String(status.mode, radix: 8))"
    }
}
