internal import Glibc
internal import HamsterCore
package import HamsterFiles
internal import HamsterTLS

/// What `certs/ca` keeps of what it has issued and revoked, beside its CA (openssl-ca(1)): it has to know what is revoked here, or
/// its next list would leave that out.
package struct AuthorityDatabase: Sendable {
    private static let bytesMax = 64 << 20

    /// In hexadecimal: far from where a number of 64 bits ends.
    private static let numberDigitsMax = 14

    private let folder: String
    private let fileSystem: LinuxFileSystem

    /// Nil: the CA in this file has no such records.
    package init?(besideAuthority path: String, fileSystem: LinuxFileSystem) throws(FileError) {
        folder = "\(SourcePath(path).directory)/db"
        self.fileSystem = fileSystem
        guard try fileSystem.status(of: SourcePath("\(folder)/index.txt")) != nil else { return nil }
    }

    /// Keeps others out for as long as the answer lives. Throws ``FileError`` where `certs/ca` is at work.
    package func lock() throws(FileError) -> any FileLock { try fileSystem.lock("\(folder)/lock") }

    /// The number of the next list. Throws ``FileError``, also where it is larger than any that there can have been.
    package func nextNumber() throws(FileError) -> Int64 {
        let bytes = try fileSystem.contents(of: "\(folder)/crlnumber", bytesMax: 64) ?? []
        let digits = String(decoding: bytes, as: UTF8.self).filter(\.isHexDigit)
        guard digits.count <= Self.numberDigitsMax else {
            throw FileError(.read, SourcePath("\(folder)/crlnumber"), code: EOVERFLOW)
        }
        return Int64(digits, radix: 16) ?? 1
    }

    /// Notes certificates as revoked, as far as they are not, and the number of the list that says so; nil: there is no new one.
    /// Throws ``FileError``.
    package func note(
        revoked certificates: [IssuedCertificates.Certificate], at now: Int64, listNumber: Int64?
    ) throws(FileError) {
        let index = "\(folder)/index.txt"
        let text = String(
            decoding: try fileSystem.contents(of: index, bytesMax: Self.bytesMax) ?? [], as: UTF8.self)
        var missing = Dictionary(certificates.map { ($0.serial, $0) }, uniquingKeysWith: { first, _ in first })
        var lines = text.split(separator: "\n").map { known -> String in
            let fields = known.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count == 6, let certificate = missing.removeValue(forKey: String(fields[3])) else {
                return String(known)
            }
            // Its own line knows its end best.
            return fields[0] == "R"
                ? String(known) : "R\t\(fields[1])\t\(Self.time(now))\t\(certificate.serial)\tunknown\t\(fields[5])"
        }
        for certificate in missing.values.sorted(by: { $0.serial < $1.serial }) {
            let end = Self.time(certificate.end ?? now)
            lines.append(
                "R\t\(end)\t\(Self.time(now))\t\(certificate.serial)\tunknown\t/CN=\(certificate.host)")
        }
        let owner = try fileSystem.ownerToKeep(of: index)
        try fileSystem.replace(
            index, with: Array((lines.joined(separator: "\n") + "\n").utf8), mode: 0o600, owner: owner)
        guard let listNumber else { return }
        let digits = String(listNumber + 1, radix: 16, uppercase: true)
        try fileSystem.replace(
            "\(folder)/crlnumber", with: Array("\(digits.count % 2 == 0 ? "" : "0")\(digits)\n".utf8), mode: 0o600,
            owner: owner)
    }

    /// As X.509 writes it: `YYMMDDHHMMSSZ` up to 2049, else with all four digits of the year.
    private static func time(_ seconds: Int64) -> String {
        let digits = FileTime.utc(seconds).filter(\.isNumber) + "Z"
        return digits < "2050" ? String(digits.dropFirst(2)) : digits
    }
}
