internal import Glibc

/// All bytes of standard input. Throws where it can't be read, and where there are more than `bytesMax`.
package func contentsOfStandardInput(bytesMax: Int) throws(ProgramFailure) -> [UInt8] {
    var contents: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(STDIN_FILENO, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else {
            throw ProgramFailure(.io, ["standard input can't be read: \(String(cString: strerror(errno)))"])
        }
        guard count > 0 else { return contents }
        contents += buffer.prefix(count)
        guard contents.count <= bytesMax else {
            throw ProgramFailure(.io, ["standard input is larger than \(bytesMax) bytes"])
        }
    }
}
