import Foundation

/// A log below a scratch directory, with all that programs and people do to logs, and the memory of what was written.
package final class ChangingLog {
    /// How old files are named, and whether they are renamed or copied. Nobody does now the one, now the other.
    package struct Rotation {
        package var isCopying: Bool
        package var isDated: Bool

        package init(isCopying: Bool, isDated: Bool) {
            self.isCopying = isCopying
            self.isDated = isDated
        }
    }

    /// How many old files are kept.
    private static let keptCount = 3

    /// Below the scratch directory.
    package let name: String
    package let rotation: Rotation
    package private(set) var history = WrittenHistory()
    private let scratch: ScratchDirectory
    /// The contents by the names of the files that hold them.
    private var contents: [String: WrittenContent] = [:]
    /// Contents of files without a name, which the client has open.
    private var nameless: [WrittenContent] = []
    private var writer: OpenWriter?
    private var writtenTo: WrittenContent?
    private var rotated: [String] = []
    private var rotationCount = 0
    private var contentCount = 0

    /// Nothing is made yet. `name` is below `scratch`.
    package init(_ name: String, _ rotation: Rotation, in scratch: ScratchDirectory) {
        self.name = name
        self.rotation = rotation
        self.scratch = scratch
    }

    package var exists: Bool { contents[name] != nil }

    /// The client is gone: what only it had is gone, too.
    package func clientStopped() {
        for content in nameless { content.takeAway() }
        nameless = []
    }
}

// MARK: - What the program does

extension ChangingLog {
    /// Appends to the file that the program has open, or opens and makes it.
    package func append(_ bytes: [UInt8]) throws {
        if writer == nil { try open() }
        guard let content = writtenTo else { return }
        let piece = content.bytes.isEmpty ? heading() + bytes : bytes
        content.append(piece)
        try writer?.append(piece)
    }

    /// The next byte opens the path anew.
    package func close() throws {
        try writer?.close()
        writer = nil
    }

    private func open() throws {
        if contents[name] == nil { contents[name] = history.begin() }
        try scratch.append(name, [])
        writer = try OpenWriter(scratch(name))
        writtenTo = contents[name]
    }

    /// Begins with a byte that is nowhere else: contents that begin alike can't be told apart.
    private func heading() -> [UInt8] {
        contentCount += 1
        return [UInt8(127 + contentCount)] + Array("\(name): content \(contentCount)\n".utf8)
    }
}

// MARK: - What is done to its file

extension ChangingLog {
    /// Moves the file aside. The program goes on in it until it closes it.
    package func rename(_ client: ClientView) throws {
        let target = try makeRoom(client)
        try scratch.rename(name, to: target)
        contents[target] = contents.removeValue(forKey: name)
    }

    /// Copies the file aside, and empties it.
    package func copyAndTruncate(_ client: ClientView) throws {
        let target = try makeRoom(client)
        let content = contents[name]
        try scratch.append(target, scratch.contents(name) ?? [])
        contents[target] = content
        try empty()
    }

    /// Empties the file; what has not arrived is gone.
    package func truncate() throws {
        contents[name]?.takeAway()
        try empty()
    }

    package func remove(_ client: ClientView) throws {
        try lose(name, client)
        try FileManager.default.removeItem(atPath: scratch(name))
    }

    /// Another file with other content takes the place of this one.
    package func replace(with bytes: [UInt8], _ client: ClientView) throws {
        let content = history.begin()
        content.append(heading() + bytes)
        let new = "new-\((name as NSString).lastPathComponent)"
        try scratch.write(new, content.bytes)
        try lose(name, client)
        try scratch.rename(new, to: name)
        contents[name] = content
    }

    private func empty() throws {
        guard Foundation.truncate(scratch(name), 0) == 0 else { throw TestingError("truncate \(name): \(errno)") }
        let isOpen = writer != nil && writtenTo === contents[name]
        contents[name] = history.begin()
        if isOpen { writtenTo = contents[name] }
    }

    /// The name for the next old file. The oldest one goes where there are too many.
    private func makeRoom(_ client: ClientView) throws -> String {
        rotationCount += 1
        let next = rotation.isDated ? "\(name)-202401\(rotationCount + 10)" : "\(name).1"
        if rotated.count == Self.keptCount {
            let oldest = rotated.removeFirst()
            try lose(oldest, client)
            try FileManager.default.removeItem(atPath: scratch(oldest))
        }
        if !rotation.isDated { try moveNumbersOn() }
        rotated.append(next)
        return next
    }

    private func moveNumbersOn() throws {
        for (index, old) in rotated.enumerated() {
            let new = "\(name).\(rotated.count - index + 1)"
            try scratch.rename(old, to: new)
            contents[new] = contents.removeValue(forKey: old)
            rotated[index] = new
        }
    }

    /// A name goes. What the client has open stays until it stops.
    private func lose(_ name: String, _ client: ClientView) throws {
        guard let content = contents.removeValue(forKey: name) else { return }
        if try client.hasOpen(name) { nameless.append(content) } else { content.takeAway() }
    }
}
