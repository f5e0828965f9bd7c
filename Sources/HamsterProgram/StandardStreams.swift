internal import Glibc

/// Writes a text to standard error as one write(2), so that lines of several threads don't mix.
package func writeToStandardError(_ text: String) {
    // Where nobody reads any more there is no better place to say so.
    _ = write(text, to: STDERR_FILENO)
}

/// Writes a text to standard output, at once. False: nobody reads any more.
package func writeToStandardOutput(_ text: String) -> Bool { write(text, to: STDOUT_FILENO) }

private func write(_ text: String, to descriptor: CInt) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
        var rest = UnsafeRawBufferPointer(bytes)
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            guard count > 0 || errno == EINTR else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[max(0, count)...])
        }
        return true
    }
}
