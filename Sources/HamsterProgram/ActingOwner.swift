internal import Glibc
package import HamsterCore
internal import HamsterFiles

/// Does something as the user and group that a file belongs to, where root runs the program: in a folder of somebody else, who may
/// have put links into it, root must not act as root. For commands with one thread of work; nil: as whoever runs this. Throws what
/// `work` throws, and ``ProgramFailure`` where the user can't be changed.
package func acting<Value>(as owner: FileOwner?, _ work: () throws -> Value) throws -> Value {
    guard let owner, geteuid() == 0, owner.user != 0 else { return try work() }
    let group = getegid()
    // Groups of root's are none of the owner's.
    guard setgroups(0, nil) == 0, setegid(owner.group) == 0 else { throw notPermitted(owner) }
    defer { setegid(group) }
    guard seteuid(owner.user) == 0 else { throw notPermitted(owner) }
    // The group can be taken back by root alone: in this order.
    defer { seteuid(0) }
    return try work()
}

private func notPermitted(_ owner: FileOwner) -> ProgramFailure {
    ProgramFailure(.permission, ["user \(owner.user): \(reasonOfErrno(errno)): run this as that user"])
}
