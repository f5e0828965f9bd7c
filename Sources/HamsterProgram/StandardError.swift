internal import Glibc

/// Writes a text to standard error as one write(2), so that lines of several threads don't mix.
package func writeToStandardError(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
        var rest = UnsafeRawBufferPointer(bytes)
        while !rest.isEmpty {
            let count = write(STDERR_FILENO, rest.baseAddress, rest.count)
            // Nobody reads any more: there is no better place to say so.
            guard count > 0 || errno == EINTR else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest[max(0, count)...])
        }
    }
}
