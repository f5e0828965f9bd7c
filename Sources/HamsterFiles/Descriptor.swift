internal import CLinux
internal import Glibc
internal import HamsterCore

/// Owns a file descriptor: closed exactly once, when the owner goes.
struct Descriptor: ~Copyable, Sendable {
    let number: Int32

    init(owning number: Int32) { self.number = number }

    // close(2) is not repeated after EINTR: on Linux the number is free by then and may be another file's.
    deinit { close(number) }
}

/// Repeats a call that a signal interrupted, and turns -1 into an error.
func systemCall<Number: SignedInteger>(
    _ operation: FileOperation, _ path: SourcePath, _ call: () -> Number
) throws(FileError) -> Number {
    while true {
        let result = call()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw FileError(operation, path, code: code) }
    }
}

/// Hands a path to a system call. A NUL inside would cut the path there, and so open something else.
func withPath<Result>(
    _ path: SourcePath, _ operation: FileOperation, _ body: (UnsafePointer<CChar>) -> Result
) throws(FileError) -> Result {
    guard !path.bytes.contains(0), !path.bytes.isEmpty else {
        throw FileError(operation, path, code: EINVAL, refusal: .illegalPath)
    }
    let terminated = path.bytes.map { CChar(bitPattern: $0) } + [0]
    // An array with an element has an address.
    return terminated.withUnsafeBufferPointer { buffer in body(buffer.baseAddress.unsafelyUnwrapped) }
}

/// openat(2) by a path from a directory's descriptor, or from AT_FDCWD.
func openDescriptor(
    _ path: SourcePath, from directory: Int32 = AT_FDCWD, _ flags: Int32, mode: UInt32 = 0,
    operation: FileOperation = .open
) throws(FileError) -> Descriptor {
    let number = try withPath(path, operation) { name in
        Result { () throws(FileError) in
            try systemCall(operation, path) { openat(directory, name, flags | O_CLOEXEC | O_NOCTTY, mode) }
        }
    }
    return Descriptor(owning: try number.get())
}

/// statx(2) of an open file.
func status(of descriptor: borrowing Descriptor, _ path: SourcePath) throws(FileError) -> FileStatus {
    var raw = CLinux_status()
    let number = descriptor.number
    _ = try systemCall(.status, path) { CLinux_statx(number, "", &raw) }
    return FileStatus(raw)
}

/// Throws for anything that is not a regular file: reading a FIFO would wait, and a device may do anything.
func requireRegularFile(_ status: FileStatus, _ operation: FileOperation, _ path: SourcePath) throws(FileError) {
    guard status.kind != .regular else { return }
    let code = status.kind == .directory ? EISDIR : EINVAL
    throw FileError(operation, path, code: code, refusal: .notRegular(status.kind))
}
