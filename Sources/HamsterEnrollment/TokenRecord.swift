internal import HamsterStatus
internal import HamsterTLS

/// What a server knows of a token: not enough to use it.
package struct TokenRecord: Sendable, Hashable {
    /// What became of a token that was used.
    package struct Use: Sendable, Hashable {
        /// In seconds since 1970.
        package var time: Int64
        /// Of the key that it was used for: see ``CertificateRequest/keyDigest``.
        package var keyDigest: String
        /// How many certificates were issued for it.
        package var count = 1
    }

    /// A host that lost the answer again and again is not worth more signatures, nor who plays one.
    private static let issuesMax = 10

    package var host: String
    package var verifier: [UInt8]
    /// In seconds since 1970.
    package var created: Int64
    /// In seconds since 1970; not good any more then.
    package var end: Int64
    package var use: Use?

    package init(host: String, verifier: [UInt8], created: Int64, end: Int64) {
        self.host = host
        self.verifier = verifier
        self.created = created
        self.end = end
    }

    /// Nil for what ``encoded`` doesn't make.
    init?(_ bytes: [UInt8]) {
        guard let json = JSON(parsing: bytes), case .string(let host)? = json["host"],
            case .string(let verifier)? = json["verifier"], let verifier = Hexadecimal.bytes(of: verifier),
            case .integer(let created)? = json["created"], case .integer(let end)? = json["end"]
        else { return nil }
        self.init(host: host, verifier: verifier, created: Int64(created), end: Int64(end))
        guard let use = json["use"], use != .null else { return }
        guard case .integer(let time)? = use["time"], case .string(let key)? = use["key"] else { return nil }
        self.use = Use(time: Int64(time), keyDigest: key)
        if case .integer(let count)? = use["count"] { self.use?.count = Int(count) }
    }

    var encoded: [UInt8] {
        let use = use.map {
            JSON.object([
                .init("time", .number($0.time)), .init("key", .string($0.keyDigest)),
                .init("count", .number(Int64($0.count))),
            ])
        }
        return JSON.object([
            .init("host", .string(host)), .init("verifier", .string(Hexadecimal.text(of: verifier))),
            .init("created", .number(created)), .init("end", .number(end)), .init("use", use ?? .null),
        ]).encoded + [UInt8(ascii: "\n")]
    }

    /// Whether it lets a host in that asks for a certificate for this key at `now`: the first time any, later the same again,
    /// for a host that has lost the answer.
    func isGood(forKey keyDigest: String, at now: Int64) -> Bool {
        now < end && (use.map { $0.keyDigest == keyDigest && $0.count < Self.issuesMax } ?? true)
    }

    /// What it becomes with one more certificate for this key.
    func used(forKey keyDigest: String, at now: Int64) -> TokenRecord {
        var record = self
        record.use = Use(time: use?.time ?? now, keyDigest: keyDigest, count: (use?.count ?? 0) + 1)
        return record
    }
}
