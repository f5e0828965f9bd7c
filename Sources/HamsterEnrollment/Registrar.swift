internal import HamsterCore
package import HamsterFiles
package import HamsterProtocol
package import HamsterTLS

/// How a server gives certificates to new hosts.
package struct EnrollmentConfiguration: Sendable, Hashable {
    /// Path of a PEM file: the CA's certificate, then those above it up to the root.
    package var authority: String
    /// Path of a PEM file: its key.
    package var key: String
    /// How long a certificate is good for.
    package var life: Duration = .seconds(30 * 86_400)
    /// Whether a host may have a new certificate for the one that it shows.
    package var isRenewing = true
    /// Whether there are listeners for it alone: no other one takes hosts without a certificate then.
    package var hasOwnListener = false
    /// Where hosts are to send then.
    package var streamPort: Int?
    /// Path of the list of revoked certificates, or of a directory of such; nil: there is none.
    package var revocationList: String?

    package init(authority: String, key: String) {
        self.authority = authority
        self.key = key
    }
}

/// Decides who gets a certificate, issues it, and writes that down. It waits for the disk: not for an event loop.
package final class Registrar: Sendable {
    /// What a host gets.
    package struct Issue: Sendable {
        package let host: String
        package let certificate: IssuingAuthority.Issued
        /// PEM; empty for who has it already.
        package let root: [UInt8]
        let streamPort: Int?

        /// The answer's bytes.
        package var answer: [UInt8] {
            EnrollmentGrant(
                certificateByteCount: certificate.chain.count, rootByteCount: root.count, streamPort: streamPort
            ).bytes + certificate.chain + root
        }
    }

    private let configuration: EnrollmentConfiguration
    private let authority: IssuingAuthority
    private let tokens: TokenFolder
    private let audit: AuditLog
    private let revoked: RevokedSerials
    private let now: @Sendable () -> Int64
    private let quota: RenewalQuota
    /// Who else decides does so in milliseconds, or was stopped.
    private static let patience: Duration = .milliseconds(500)

    /// Throws ``FileError``.
    package init(
        _ configuration: EnrollmentConfiguration, authority: IssuingAuthority, stateDirectory: String,
        fileSystem: LinuxFileSystem, now: @escaping @Sendable () -> Int64
    ) throws(FileError) {
        self.configuration = configuration
        self.authority = authority
        tokens = try TokenFolder(stateDirectory: stateDirectory, fileSystem: fileSystem)
        audit = try AuditLog(stateDirectory: stateDirectory, fileSystem: fileSystem)
        revoked = try RevokedSerials(stateDirectory: stateDirectory, fileSystem: fileSystem)
        quota = RenewalQuota(life: configuration.life.components.seconds)
        self.now = now
    }

    /// For a host with a token. Throws the ``Reply`` that refuses it: the same for every token that is not good.
    package func enroll(
        tokenID: String, proof: [UInt8], request bytes: [UInt8], channelBinding: [UInt8], from address: String
    ) throws(Reply) -> Issue {
        let request = try read(bytes)
        // Strangers don't get as far as to hold others up.
        _ = try token(tokenID, proof, request, bytes, channelBinding)
        // Of several that come with one token at a time one gets it, and who revokes it meanwhile comes before or after.
        let lock = try lock()
        defer { lock.release() }
        let record = try token(tokenID, proof, request, bytes, channelBinding)
        try requireHost(record.host, request)
        // From here on it is this key's: a host that loses the answer comes again with the same.
        let used = record.used(forKey: request.keyDigest, at: now())
        try store { () throws(FileError) in try tokens.add(used, id: tokenID) }
        var entry = AuditLog.Entry(.enrolled, host: record.host, at: now())
        entry.tokenID = tokenID
        return try issue(request, entry, address, root: authority.rootText)
    }

    /// For a host that has shown a good certificate of this CA, the one with the serial `previous`, with one name in it. Throws the
    /// ``Reply`` that refuses it.
    package func renew(
        _ bytes: [UInt8], host: String, previous: String, from address: String
    ) throws(Reply) -> Issue {
        guard configuration.isRenewing else {
            throw Reply(.forbidden, "this server renews no certificates: enroll.renew is off")
        }
        let request = try read(bytes)
        try requireHost(host, request)
        if let seconds = quota.take(host, at: now()) {
            throw Reply(.limitReached, "too many renewals of \(host)", retrySeconds: seconds)
        }
        do {
            // Who revokes all that is out for a host does so before, and is seen here, or after, and sees this one.
            let lock = try lock()
            defer { lock.release() }
            try requireGood(previous)
            var entry = AuditLog.Entry(.renewed, host: host, at: now())
            entry.previous = previous
            return try issue(request, entry, address, root: [])
        } catch {
            quota.giveBack(host)
            throw error
        }
    }

    private func lock() throws(Reply) -> any FileLock {
        do {
            return try tokens.lock(patience: Self.patience)
        } catch {
            throw Reply(.unavailable, "certificates are being revoked, or the folder can't be used", retrySeconds: 5)
        }
    }

    /// Throws where this serial was revoked here, or stands on the list as it is now: connections of before may not know it yet.
    private func requireGood(_ serial: String) throws(Reply) {
        let isMarked = try store { () throws(FileError) in try revoked.contains(serial) }
        if isMarked { throw Reply(.forbidden, "the certificate is revoked") }
        guard let path = configuration.revocationList else { return }
        let isRevoked: Bool
        do {
            isRevoked = try authority.hasRevoked(serial, in: path)
        } catch {
            throw Reply(.serverFailed, error.description)
        }
        if isRevoked { throw Reply(.forbidden, "the certificate is revoked") }
    }

    private func read(_ bytes: [UInt8]) throws(Reply) -> CertificateRequest {
        do {
            return try CertificateRequest(bytes)
        } catch {
            throw Reply(.malformed, error.description)
        }
    }

    private func token(
        _ id: String, _ proof: [UInt8], _ request: CertificateRequest, _ bytes: [UInt8], _ channelBinding: [UInt8]
    ) throws(Reply) -> TokenRecord {
        let found = try store { () throws(FileError) in try tokens.record(of: id) }
        guard let record = found else { throw Reply(.serverFailed, "the token's record can't be read") }
        let isProved = EnrollmentToken.isProof(
            proof, id: id, verifier: record.verifier, channelBinding: channelBinding, request: bytes)
        guard isProved, record.isGood(forKey: request.keyDigest, at: now()) else {
            throw Reply(.forbidden, "this token is not good here: unknown, used or expired; ask for a new one")
        }
        return record
    }

    private func requireHost(_ host: String, _ request: CertificateRequest) throws(Reply) {
        guard let objection = request.objection(toHost: host) else { return }
        throw Reply(.malformed, "certificate request: \(objection)")
    }

    private func issue(
        _ request: CertificateRequest, _ entry: AuditLog.Entry, _ address: String, root: [UInt8]
    ) throws(Reply) -> Issue {
        let host = entry.host
        let certificate: IssuingAuthority.Issued
        do {
            certificate = try authority.issue(request, host: host, life: configuration.life.components.seconds)
        } catch {
            throw Reply(.serverFailed, error.description)
        }
        var entry = entry
        entry.serial = certificate.serial
        entry.fingerprint = certificate.fingerprint
        entry.end = certificate.notAfter
        entry.address = address
        // First written down: a certificate that nobody knows of could not be revoked.
        try store { [entry] () throws(FileError) in try audit.append(entry) }
        return Issue(
            host: host, certificate: certificate, root: root, streamPort: configuration.streamPort)
    }

    private func store<Value>(_ work: () throws(FileError) -> Value) throws(Reply) -> Value {
        do {
            return try work()
        } catch {
            throw Reply(.outputFailed, "the server can't store it: \(error.reason)")
        }
    }
}
