internal import HamsterCore
internal import HamsterFiles
internal import HamsterState
internal import HamsterTail

/// How one file fares at a moment.
struct FileMeasure: Sendable {
    var identity: FileIdentity
    /// The input's name, or its place where it has none.
    var input: String
    /// What happens to it, as the status shows it.
    var state: String
    var size: UInt64
    var acknowledged: UInt64
    /// Unix seconds; nil where the file is not open.
    var modified: Int64?
    /// Whether nothing leads to the file any more.
    var isDeleted: Bool

    var lag: UInt64 { size > acknowledged ? size - acknowledged : 0 }

    /// Looks at an open file. One that was closed to save descriptors is not opened for this.
    init(_ file: TailedFile, of path: ShippedPath, isFirst: Bool) {
        let status = file.isOpen ? try? file.status() : nil
        identity = file.identity
        input = path.label
        state = isFirst ? path.condition.phase.rawValue : "behind"
        size = status?.size ?? file.record.sizeSeen
        acknowledged = file.record.position.offset
        modified = status?.modified.seconds
        isDeleted = status?.links == 0
    }

    /// All files of these paths, in no order.
    static func all(_ paths: [ShippedPath]) -> [FileMeasure] {
        paths.flatMap { path in
            path.followed.all.enumerated().map { FileMeasure($1, of: path, isFirst: $0 == 0) }
        }
    }
}
