internal import Glibc
package import HamsterStatus

extension Program {
    /// What a status document says of the program itself; `started` in Unix seconds.
    package static func statusHead(_ name: String, started: Int64) -> [JSON.Member] {
        [
            .init("program", .string(name)), .init("version", .string(version)), .init("pid", .number(getpid())),
            .init("started", .number(started)),
        ]
    }
}
