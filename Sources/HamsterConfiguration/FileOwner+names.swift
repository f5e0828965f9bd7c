internal import Glibc
package import HamsterCore

extension FileOwner {
    /// `user:group` by names or numbers; nil where the system knows one of them not (getpwnam(3), getgrnam(3)).
    init?(names: String) {
        let parts = names.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let user = UInt32(parts[0]) ?? Self.user(parts[0]),
            let group = UInt32(parts[1]) ?? Self.group(parts[1])
        else { return nil }
        self.init(user: user, group: group)
    }

    /// A user with his own group; nil where the system knows none of this name (getpwnam(3)).
    package init?(user name: String) {
        guard let entry = getpwnam(name)?.pointee else { return nil }
        self.init(user: entry.pw_uid, group: entry.pw_gid)
    }

    private static func user(_ name: String) -> UInt32? { getpwnam(name).map { $0.pointee.pw_uid } }

    private static func group(_ name: String) -> UInt32? { getgrnam(name).map { $0.pointee.gr_gid } }
}
