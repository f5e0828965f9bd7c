internal import CLinux
internal import Glibc
internal import HamsterCore
internal import Synchronization

/// A base directory of outputs, kept open, so that what its name leads to later makes no difference.
final class BaseDirectory: Sendable {
    let descriptor: Descriptor
    let path: SourcePath

    init(_ path: SourcePath) throws(FileError) {
        descriptor = try openDescriptor(path, CLinux_O_PATH | O_DIRECTORY)
        self.path = path
    }

    /// False once the directory was removed: then a new one may have its name.
    var exists: Bool {
        guard let status = try? status(of: descriptor, path) else { return false }
        return status.links > 0
    }
}

extension LinuxFileSystem {
    package func openOutput(
        _ location: OutputLocation, _ opening: OutputOpening
    ) throws(FileError) -> any OutputFileHandle {
        let path = location.path
        switch location {
        case .beneath(let base, let components):
            try requireLegal(components.map { $0[...] }, path)
            let resolver = OutputResolver(
                directory: try baseDirectory(base), isBeneath: true, path: path)
            return try resolver.open(components, opening)
        case .absolute:
            guard path.bytes.first == UInt8(ascii: "/") else {
                throw FileError(.open, path, code: EINVAL, refusal: .illegalPath)
            }
            try requireLegal(path.components, path)
            let resolver = OutputResolver(
                directory: try baseDirectory("/"), isBeneath: false, path: path)
            return try resolver.open(path.components.map { Array($0) }, opening)
        }
    }

    /// Side by side on some threads: a journaling file system makes one transaction of syncs that come together.
    package func synchronize(_ files: [any OutputFileHandle]) -> [FileError?] {
        let next = Atomic(0)
        let failures = Mutex([FileError?](repeating: nil, count: files.count))
        runOnThreads(min(files.count, Self.synchronizersMax)) {
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < files.count else { return }
                if let failure = files[index].synchronizationFailure { failures.withLock { $0[index] = failure } }
            }
        }
        return failures.withLock { $0 }
    }

    /// How many files are synchronized at the same time.
    private static let synchronizersMax = 16

    private func baseDirectory(_ path: String) throws(FileError) -> BaseDirectory {
        if let known = bases.withLock({ $0[path] }), known.exists { return known }
        let opened = try BaseDirectory(SourcePath(path))
        bases.withLock { $0[path] = opened }
        return opened
    }

    private func requireLegal(_ components: [ArraySlice<UInt8>], _ path: SourcePath) throws(FileError) {
        let isLegal = components.allSatisfy { component in
            (1...255).contains(component.count) && !component.contains(0) && !component.contains(UInt8(ascii: "/"))
                && !component.elementsEqual(".".utf8) && !component.elementsEqual("..".utf8)
        }
        guard isLegal, !components.isEmpty else {
            throw FileError(.open, path, code: EINVAL, refusal: .illegalPath)
        }
    }
}

/// Opens one output below a directory by openat2(2), which refuses a way out of it for every component at once: no race
/// between a check and its use.
private struct OutputResolver {
    let directory: BaseDirectory
    let isBeneath: Bool
    /// For error texts.
    let path: SourcePath

    func open(_ components: [[UInt8]], _ opening: OutputOpening) throws(FileError) -> any OutputFileHandle {
        let flags = O_WRONLY | O_APPEND | O_NONBLOCK
        let parents = components.dropLast()
        do {
            let descriptor = try open(components[...], flags)
            return try LinuxOutputFile(descriptor, path: path, entryDirectories: chain(parents, changed: []))
        } catch let error where error.code == ENOENT && opening.isCreating {
            var changed = try makeDirectories(parents, mode: opening.directoryMode)
            changed.insert(name(of: parents))
            let descriptor = try open(components[...], flags | O_CREAT, mode: opening.mode)
            try setOwnerAndMode(descriptor, opening)
            return try LinuxOutputFile(
                descriptor, path: path, entryDirectories: chain(parents, changed: changed),
                changedDirectories: changed)
        }
    }

    private func open(_ components: ArraySlice<[UInt8]>, _ flags: Int32, mode: UInt32 = 0) throws(FileError)
        -> Descriptor
    {
        let below = SourcePath(bytes: Array(components.joined(separator: [UInt8(ascii: "/")])))
        let resolution = RESOLVE_NO_MAGICLINKS | (isBeneath ? RESOLVE_BENEATH : 0)
        // openat2 refuses flags that mean nothing beside O_PATH.
        let terminal = flags & CLinux_O_PATH == 0 ? O_NOCTTY : 0
        let flags = UInt64(UInt32(bitPattern: flags | O_CLOEXEC | terminal))
        var attemptsLeft = 100
        while true {
            let result = try withPath(below, .open) { name in
                Result { () throws(FileError) in
                    try systemCall(.open, path) {
                        CLinux_openat2(directory.descriptor.number, name, flags, UInt64(mode), UInt64(resolution))
                    }
                }
            }
            do {
                return Descriptor(owning: try result.get())
            } catch let error where error.code == EAGAIN && attemptsLeft > 0 {
                // A rename somewhere on the machine raced with the resolution, and the kernel could not rule out an escape.
                attemptsLeft -= 1
            }
        }
    }

    /// The directories that got a new entry.
    private func makeDirectories(
        _ components: ArraySlice<[UInt8]>, mode: UInt32
    ) throws(FileError) -> Set<SourcePath> {
        var changed: Set<SourcePath> = []
        for (index, component) in components.enumerated() {
            let above = components.prefix(index)
            do {
                _ = try open(components.prefix(index + 1), CLinux_O_PATH | O_DIRECTORY)
            } catch let error where error.code == ENOENT {
                try makeDirectory(component, in: above, mode: mode)
                changed.insert(name(of: above))
            }
        }
        return changed
    }

    private func makeDirectory(_ name: [UInt8], in above: ArraySlice<[UInt8]>, mode: UInt32) throws(FileError) {
        let parent = above.isEmpty ? nil : try open(above, CLinux_O_PATH | O_DIRECTORY)
        let number =
            switch parent {
            case .some(let parent): parent.number
            case nil: directory.descriptor.number
            }
        let code = try withPath(SourcePath(bytes: name), .makeDirectory) {
            mkdirat(number, $0, mode) == 0 ? 0 : errno
        }
        // EEXIST: another opening made it at the same time, or it is a dangling link, which the next step refuses.
        if code != 0, code != EEXIST { throw FileError(.makeDirectory, path, code: code) }
    }

    private func setOwnerAndMode(_ descriptor: borrowing Descriptor, _ opening: OutputOpening) throws(FileError) {
        let number = descriptor.number
        // A FIFO or device that came into being meanwhile is not ours to change.
        try requireRegularFile(try status(of: descriptor, path), .open, path)
        _ = try systemCall(.open, path) { fchmod(number, opening.mode) }
        guard opening.owner != nil || opening.group != nil else { return }
        // All ones leave that half as it is.
        _ = try systemCall(.open, path) { fchown(number, opening.owner ?? .max, opening.group ?? .max) }
    }

    private func chain(_ parents: ArraySlice<[UInt8]>, changed: Set<SourcePath>) -> [SourcePath] {
        let all = (0...parents.count).map { name(of: parents.prefix($0)) }
        // What is above an absolute path is the operator's, and need not even be readable.
        return isBeneath ? all : all.dropLast().filter(changed.contains) + all.suffix(1)
    }

    private func name(of components: ArraySlice<[UInt8]>) -> SourcePath {
        let base = directory.path.bytes == [UInt8(ascii: "/")] ? [] : directory.path.bytes
        let bytes = Array(([base] + components).joined(separator: [UInt8(ascii: "/")]))
        return bytes.isEmpty ? SourcePath("/") : SourcePath(bytes: bytes)
    }
}
