internal import COpenSSL
private import Glibc

extension IssuingAuthority {
    /// What a list of revoked certificates becomes with one more on it.
    package struct Revocation: Sendable {
        /// PEM: the CA's new list, then those of other CAs that stood beside the old one.
        package let text: [UInt8]
        /// Those that were not on the old one, in hexadecimal.
        package let added: [String]
        /// Of the new list; each has a higher one (RFC 5280, section 5.2.3).
        package let number: Int64
    }

    /// How long a list is good for, in seconds, unless the one before was good for longer.
    private static let listLife: Int64 = 365 * 86_400
    /// How long before its making a list begins, for servers whose clock is slow.
    private static let listEarliness: Int64 = 300

    /// Makes a new list of this CA with the certificates of these serials (hexadecimal) on it, and all that stood on the one in
    /// the file at `path`, where there is one. `numberMin` is the least number that it may have. Nil: they are on it already.
    /// Throws `TLSError`.
    package func revoke(serials: [String], path: String, numberMin: Int64) throws(TLSError) -> Revocation? {
        let known = access(path, F_OK) == 0 ? try PEMFile(path: path, role: .revocationList).revocationLists() : []
        let own = known.filter(hasSigned)
        let old = own.max { $0.isOlder(than: $1) }
        var added: [String] = []
        for serial in serials {
            guard let number = SerialNumber(serial) else { throw failure("'\(serial)' is no serial number") }
            if old?.holds(number) != true { added.append(serial) }
        }
        guard !added.isEmpty else { return nil }
        let list = try makeList(adding: added, to: old, numberMin: numberMin)
        let others = known.filter { !hasSigned($0) }.flatMap(\.text)
        return Revocation(text: list.text + others, added: added, number: list.number)
    }

    /// Whether a certificate of this CA stands on its youngest list in the file or directory at `path`. Throws `TLSError` where
    /// that can't be told.
    package func hasRevoked(_ serial: String, in path: String) throws(TLSError) -> Bool {
        guard let number = SerialNumber(serial) else { throw failure("'\(serial)' is no serial number") }
        let lists = try RevocationLists.read(path)
        return lists.contains { hasSigned($0) && $0.holds(number) }
    }

    private func hasSigned(_ list: RevocationList) -> Bool {
        OpenSSLErrorQueue.clear()
        defer { OpenSSLErrorQueue.clear() }
        guard let authority = chain.first else { return false }
        return X509_NAME_cmp(X509_CRL_get_issuer(list.pointer), X509_get_subject_name(authority.pointer)) == 0
            && X509_CRL_verify(list.pointer, X509_get0_pubkey(authority.pointer)) == 1
    }

    private func makeList(
        adding serials: [String], to old: RevocationList?, numberMin: Int64
    ) throws(TLSError) -> RevocationList {
        OpenSSLErrorQueue.clear()
        let highest = max(numberMin - 1, old?.number ?? 0)
        guard highest < .max else { throw failure("the number of its list of revoked certificates can't grow") }
        guard let authority = chain.first, let pointer = X509_CRL_new() else { throw failure("no memory") }
        let list = RevocationList(owned: pointer)
        let now = CertificateTime.now.unixSeconds
        let begin = max(now - Self.listEarliness, old?.lastUpdate.unixSeconds ?? 0)
        let end = max(now + Self.listLife, old?.nextUpdate?.unixSeconds ?? 0)
        let isFilled =
            X509_CRL_set_version(pointer, 1) == 1
            && X509_CRL_set_issuer_name(pointer, X509_get_subject_name(authority.pointer)) == 1
            && Self.setTimes(of: pointer, from: begin, to: end)
            && (old.map { list.take(from: $0) } ?? true)
            && serials.allSatisfy { list.add($0, at: now) }
            && list.name(authority)
            && list.set(number: highest + 1)
            && X509_CRL_sort(pointer) == 1
        guard isFilled, X509_CRL_sign(pointer, key.pointer, KeyKind.signatureDigest(of: key.pointer)) > 0 else {
            throw failure(OpenSSLErrorQueue.drainText())
        }
        return list
    }

    private static func setTimes(of list: OpaquePointer, from begin: Int64, to end: Int64) -> Bool {
        let (first, last) = (ASN1_TIME_set(nil, time_t(begin)), ASN1_TIME_set(nil, time_t(end)))
        defer {
            ASN1_TIME_free(first)
            ASN1_TIME_free(last)
        }
        // Null where memory is short, which both refuse.
        return first != nil && last != nil && X509_CRL_set1_lastUpdate(list, first) == 1
            && X509_CRL_set1_nextUpdate(list, last) == 1
    }
}

/// A certificate's serial number.
struct SerialNumber: ~Copyable {
    /// For calls that take none over.
    let pointer: UnsafeMutablePointer<ASN1_INTEGER>

    /// Nil for what is no number in hexadecimal of at most 20 bytes.
    init?(_ text: String) {
        guard (1...40).contains(text.utf8.count), text.allSatisfy(\.isHexDigit) else { return nil }
        var number: OpaquePointer?
        guard BN_hex2bn(&number, text) > 0, let number else { return nil }
        defer { BN_free(number) }
        guard let pointer = BN_to_ASN1_INTEGER(number, nil) else { return nil }
        self.pointer = pointer
    }

    deinit { ASN1_INTEGER_free(pointer) }
}

extension RevocationList {
    /// In PEM form.
    var text: [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()) else { return [] }
        defer { BIO_free(bio) }
        guard PEM_write_bio_X509_CRL(bio, pointer) == 1 else { return [] }
        var bytes: UnsafeMutablePointer<CChar>?
        let count = COpenSSL_BIO_get_mem_data(bio, &bytes)
        return Array(UnsafeRawBufferPointer(start: bytes, count: max(0, count)))
    }

    func holds(_ serial: borrowing SerialNumber) -> Bool {
        var entry: OpaquePointer?
        return X509_CRL_get0_by_serial(pointer, &entry, serial.pointer) == 1
    }

    /// Takes over the entries of another list.
    fileprivate func take(from other: RevocationList) -> Bool {
        let entries = X509_CRL_get_REVOKED(other.pointer)
        return (0..<max(0, COpenSSL_sk_X509_REVOKED_num(entries))).allSatisfy { index in
            guard let copy = X509_REVOKED_dup(COpenSSL_sk_X509_REVOKED_value(entries, index)) else { return false }
            guard X509_CRL_add0_revoked(pointer, copy) == 1 else {
                X509_REVOKED_free(copy)
                return false
            }
            return true
        }
    }

    fileprivate func add(_ serial: String, at time: Int64) -> Bool {
        guard let number = SerialNumber(serial) else { return false }
        guard let entry = X509_REVOKED_new(), let date = ASN1_TIME_set(nil, time_t(time)) else { return false }
        defer { ASN1_TIME_free(date) }
        guard X509_REVOKED_set_serialNumber(entry, number.pointer) == 1,
            X509_REVOKED_set_revocationDate(entry, date) == 1, X509_CRL_add0_revoked(pointer, entry) == 1
        else {
            X509_REVOKED_free(entry)
            return false
        }
        return true
    }

    /// Says whose key it is signed with.
    fileprivate func name(_ authority: Certificate) -> Bool {
        let made = COpenSSL_make_extension(
            authority.pointer, nil, pointer, NID_authority_key_identifier, "keyid:always")
        guard let made else { return false }
        defer { X509_EXTENSION_free(made) }
        return X509_CRL_add_ext(pointer, made, -1) == 1
    }

    fileprivate func set(number: Int64) -> Bool {
        guard let integer = ASN1_INTEGER_new() else { return false }
        defer { ASN1_INTEGER_free(integer) }
        return ASN1_INTEGER_set_int64(integer, number) == 1
            && X509_CRL_add1_ext_i2d(pointer, NID_crl_number, integer, 0, 0) == 1
    }
}
