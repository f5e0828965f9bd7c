package import HamsterCore
package import HamsterFiles

/// One walk through the directories that patterns name.
package struct DirectoryScan: Sendable {
    /// The deepest that `**` goes: a loop of symbolic links must end.
    private static let depthMax = 32

    /// The files found: where a name leads to a regular file, links followed.
    package private(set) var files: [SourcePath: FileStatus] = [:]
    /// The directories whose changes can change ``files``; where one is missing, the nearest above it that is there.
    package private(set) var directories: Set<SourcePath> = []
    /// Where the found paths lead that are, or go through, symbolic links.
    package private(set) var links: [SourcePath: SourcePath] = [:]
    /// What could not be looked at, with the reason.
    package private(set) var problems: [FileError] = []
    private let fileSystem: any FileSystem
    /// Found files of which their directory says that they are no links.
    private var notLinks: Set<SourcePath> = []
    private var resolvedDirectories: [SourcePath: SourcePath] = [:]

    package init(_ patterns: [PathPattern], fileSystem: any FileSystem) {
        self.fileSystem = fileSystem
        for pattern in patterns { walk(SourcePath(bytes: []), pattern.steps[...], depth: 0) }
        for path in files.keys { resolve(path) }
    }

    /// A file behind a link is written, and rotated, in a directory of its own, which has to be watched too.
    private mutating func resolve(_ path: SourcePath) {
        do throws(FileError) {
            guard let file = try resolved(path), file != path else { return }
            links[path] = file
            directories.insert(file.directory)
        } catch {
            problems.append(error)
        }
    }

    /// Asks the file system once a directory, and once a file that may be a link itself.
    private mutating func resolved(_ path: SourcePath) throws(FileError) -> SourcePath? {
        guard notLinks.contains(path) else { return try fileSystem.resolved(path) }
        let directory = path.directory
        if resolvedDirectories[directory] == nil {
            resolvedDirectories[directory] = try fileSystem.resolved(directory)
        }
        return resolvedDirectories[directory]?.appending(path.name)
    }

    private mutating func walk(_ directory: SourcePath, _ steps: ArraySlice<PathPattern.Step>, depth: Int) {
        guard let step = steps.first, depth < Self.depthMax else { return }
        let rest = steps.dropFirst()
        switch step {
        case .literal(let name):
            if rest.isEmpty { directories.insert(directory.orRoot) }
            visit(directory.appending(name), rest, depth: depth)
            if !rest.isEmpty, status(directory.appending(name))?.kind != .directory {
                directories.insert(directory.orRoot)
            }
        case .glob(let glob):
            for entry in list(directory) where glob.matches(entry.name) && !PathPattern.isHidden(entry.name, from: glob)
            {
                let path = directory.appending(entry.name)
                if entry.kind == .regular { notLinks.insert(path) }
                visit(path, rest, depth: depth)
            }
        case .anyDepth:
            walk(directory, rest.isEmpty ? [.glob(Self.anyName)] : rest, depth: depth)
            for entry in list(directory) where entry.kind == .directory || entry.kind == .unknown {
                let below = directory.appending(entry.name)
                if status(below)?.kind == .directory { walk(below, steps, depth: depth + 1) }
            }
        }
    }

    private mutating func visit(_ path: SourcePath, _ rest: ArraySlice<PathPattern.Step>, depth: Int) {
        guard let status = status(path) else { return }
        switch (status.kind, rest.isEmpty) {
        case (.regular, true): files[path] = status
        case (.directory, false): walk(path, rest, depth: depth + 1)
        default: break
        }
    }

    private mutating func status(_ path: SourcePath) -> FileStatus? {
        do throws(FileError) {
            return try fileSystem.status(of: path)
        } catch {
            problems.append(error)
            return nil
        }
    }

    private mutating func list(_ directory: SourcePath) -> [DirectoryEntry] {
        directories.insert(directory.orRoot)
        do throws(FileError) {
            return try fileSystem.entries(of: directory.orRoot)
        } catch {
            // A directory that vanished between two calls is no problem: its parent is watched.
            if !error.isMissing { problems.append(error) }
            return []
        }
    }

    private static let anyName: Glob = {
        guard let glob = Glob("*") else { preconditionFailure("'*' is a well-formed pattern") }
        return glob
    }()
}

extension SourcePath {
    fileprivate var orRoot: SourcePath { bytes.isEmpty ? SourcePath("/") : self }
}
