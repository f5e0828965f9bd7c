internal import HamsterCore
internal import HamsterFiles
internal import HamsterState
internal import HamsterStatus
internal import HamsterTail

/// The document that `loghamsterc status` shows; its fields are described in docs/configuration.md.
struct ShippingStatus {
    let shippers: [PathShipper]
    let target: String
    let progress: ShippingProgress.Snapshot

    var document: [JSON.Member] {
        let files = shippers.sorted { $0.path.followed.path < $1.path.followed.path }.flatMap(Self.files)
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
            .init("acknowledged_bytes", .number(progress.bytesAcknowledged)),
            .init("lost_bytes", .number(progress.bytesLost)),
        ])
    }

    private static func files(of shipper: PathShipper) -> [JSON] {
        shipper.path.followed.all.enumerated().map { index, file in
            self.file(file, of: shipper, isFirst: index == 0)
        }
    }

    private static func file(_ file: TailedFile, of shipper: PathShipper, isFirst: Bool) -> JSON {
        let record = file.record
        let measure = FileMeasure(file, of: shipper, isFirst: isFirst)
        let condition = shipper.path.condition
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
            .init("input", .number(shipper.path.followed.input)),
            .init("last_error", .optional(isFirst ? condition.lastError : nil)),
            .init("last_error_at", isFirst ? condition.lastErrorAt.map { .number($0) } ?? .null : .null),
        ])
    }
}
