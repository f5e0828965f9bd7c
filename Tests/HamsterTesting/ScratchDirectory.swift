import Foundation

/// A directory of one test's own, removed with the last reference.
package final class ScratchDirectory: Sendable {
    /// Absolute, without a separator at its end.
    package let path: String

    package init() throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/loghamster-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestingError("mkdtemp: \(String(cString: strerror(errno)))") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        // What a test took the permissions from can stay behind in the temporary directory.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The absolute path of a name in here.
    package func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a whole file, with the directories above it. Returns its absolute path.
    @discardableResult
    package func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let file = self(name)
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try write(bytes, to: file, O_TRUNC)
        return file
    }

    @discardableResult
    package func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

    /// Appends to a file, which is made when missing.
    package func append(_ name: String, _ bytes: some Sequence<UInt8>) throws {
        try write(bytes, to: self(name), O_APPEND)
    }

    /// With O_CLOEXEC, which Foundation leaves out: a program that another test starts just now must not inherit a
    /// writer of this file.
    private func write(_ bytes: some Sequence<UInt8>, to file: String, _ flag: Int32) throws {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | flag, 0o644)
        guard descriptor >= 0 else { throw TestingError("\(file): \(String(cString: strerror(errno)))") }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
    }

    package func append(_ name: String, _ text: String) throws { try append(name, Array(text.utf8)) }

    /// Nil where there is no such file.
    package func contents(_ name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: self(name)).map { Array($0) }
    }

    package func rename(_ name: String, to other: String) throws {
        guard Foundation.rename(self(name), self(other)) == 0 else {
            throw TestingError("rename \(name): \(String(cString: strerror(errno)))")
        }
    }

    /// Waits until files that are made from now on are younger than this one: the clock of births moves some milliseconds
    /// at a time, and what is born in one of its steps has no order.
    package func waitUntilOlder(_ name: String) throws {
        let modified = try modified(self(name))
        let (probe, deadline) = ("\(path)-clock", ContinuousClock.now + patience)
        defer { unlink(probe) }
        repeat {
            unlink(probe)
            try write([], to: probe, O_EXCL)
            guard ContinuousClock.now < deadline else { throw TestingError("the clock of births stands still") }
        } while try self.modified(probe) <= modified
    }

    private func modified(_ file: String) throws -> Duration {
        var status = stat()
        guard stat(file, &status) == 0 else { throw TestingError("\(file): \(String(cString: strerror(errno)))") }
        return .seconds(status.st_mtim.tv_sec) + .nanoseconds(status.st_mtim.tv_nsec)
    }

    /// Makes a symbolic link to any path.
    package func link(_ name: String, to target: String) throws {
        guard symlink(target, self(name)) == 0 else {
            throw TestingError("symlink \(name): \(String(cString: strerror(errno)))")
        }
    }
}

/// Holds a file open for writing, as the program that logs does.
package final class OpenWriter {
    private let handle: FileHandle

    /// Opens for appending; the file is made when missing.
    package init(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw TestingError("\(path): \(String(cString: strerror(errno)))") }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    package func append(_ text: String) throws { try append(Array(text.utf8)) }

    package func append(_ bytes: [UInt8]) throws { try handle.write(contentsOf: Data(bytes)) }

    package func close() throws { try handle.close() }
}

/// What went wrong in a test's own machinery.
package struct TestingError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
