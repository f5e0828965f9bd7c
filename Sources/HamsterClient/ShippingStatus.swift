internal import HamsterCore
internal import HamsterFiles
internal import HamsterState
internal import HamsterStatus
internal import HamsterTail

/// The document that `loghamsterc status` shows; its fields are described in docs/configuration.md.
struct ShippingStatus {
    let paths: [ShippedPath]
    let target: String
    let progress: ShippingProgress.Snapshot
    /// Since the start.
    let acknowledgedBytes: UInt64

    var document: [JSON.Member] {
        let files = paths.sorted { $0.followed.path < $1.followed.path }.flatMap(Self.files)
        return [
            .init("target", .string(target)),
            .init("counters", counters),
            .init("files", .array(files)),
        ]
    }

    private var counters: JSON {
        .object([
            .init("files_found", .number(progress.files)),
            .init("files_delivered", .number(progress.filesDelivered)),
            .init("acknowledged_bytes", .number(acknowledgedBytes)),
            .init("lost_bytes", .number(progress.bytesLost)),
        ])
    }

    private static func files(of path: ShippedPath) -> [JSON] {
        path.followed.all.enumerated().map { index, file in
            self.file(file, of: path, isFirst: index == 0)
        }
    }

    private static func file(_ file: TailedFile, of path: ShippedPath, isFirst: Bool) -> JSON {
        let record = file.record
        let measure = FileMeasure(file, of: path, isFirst: isFirst)
        let condition = path.condition
        return .object([
            .init("path", .string("\(record.path)")),
            .init("location", .string("\(file.location)")),
            .init("file", .optional(record.token?.text)),
            .init("size", .number(measure.size)),
            .init("acknowledged", .number(measure.acknowledged)),
            .init("lag_bytes", .number(measure.lag)),
            .init("state", .string(measure.state)),
            .init("rotated", .bool(file.rotatedAt != nil)),
            .init("deleted", .bool(measure.isDeleted)),
            .init("input", .number(path.followed.input)),
            .init("last_error", .optional(isFirst ? condition.lastError : nil)),
            .init("last_error_at", isFirst ? condition.lastErrorAt.map { .number($0) } ?? .null : .null),
        ])
    }
}
