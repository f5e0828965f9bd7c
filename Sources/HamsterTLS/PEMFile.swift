private import COpenSSL
private import Glibc

/// The bytes of a PEM file, wiped from memory when they are no longer needed.
final class PEMFile {
    /// What the file is for: its words in error texts, and whether others may read it.
    enum Role {
        case certificate, key, authorities, revocationList

        fileprivate var text: String {
            switch self {
            case .certificate: "certificate file"
            case .key: "private key file"
            case .authorities: "CA file"
            case .revocationList: "revocation list file"
            }
        }
    }

    /// The largest file that is read: a hundred times all of Mozilla's roots would still be too much.
    static let bytesMax = 16 * 1024 * 1024

    let path: String
    private let bytes: UnsafeMutableRawBufferPointer

    init(path: String, role: Role) throws(TLSError) {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.unreadable(path, role, errno) }
        defer { close(descriptor) }
        let size = try Self.checkedSize(of: descriptor, path, role)
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
        var count = 0
        while count < size {
            let result = read(descriptor, bytes.baseAddress?.advanced(by: count), size - count)
            if result < 0 && errno == EINTR { continue }
            guard result > 0 else { throw Self.unreadable(path, role, result < 0 ? errno : EIO) }
            count += result
        }
    }

    /// What somebody has sent; `name` stands for the path in error texts. Throws `TLSError` where there is nothing, or too much.
    init(_ text: [UInt8], name: String) throws(TLSError) {
        guard (1...Self.bytesMax).contains(text.count) else {
            throw TLSError(.fileMalformed, name, "has \(text.count) bytes")
        }
        path = name
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 1)
        bytes.copyBytes(from: text)
    }

    deinit {
        OPENSSL_cleanse(bytes.baseAddress, bytes.count)
        bytes.deallocate()
    }

    /// All certificates, in the file's order; at least one.
    func certificates() throws(TLSError) -> [Certificate] {
        try all("certificate", "CERTIFICATE") { bio in
            PEM_read_bio_X509(bio, nil, refusePassphrase, nil).map { Certificate(owned: $0) }
        }
    }

    /// All revocation lists, in the file's order; at least one. Many CAs publish theirs in DER form (RFC 5280), so that is read
    /// too.
    func revocationLists() throws(TLSError) -> [RevocationList] {
        var start = UnsafePointer(bytes.assumingMemoryBound(to: UInt8.self).baseAddress)
        let end = start?.advanced(by: bytes.count)
        var lists: [RevocationList] = []
        while let position = start, let end, position < end, let list = d2i_X509_CRL(nil, &start, end - position) {
            lists.append(RevocationList(owned: list))
        }
        guard lists.isEmpty else {
            guard start == end else {
                throw TLSError(.fileMalformed, path, "revocation list number \(lists.count + 1) is damaged")
            }
            return lists
        }
        return try all("revocation list", "X509 CRL") { bio in
            PEM_read_bio_X509_CRL(bio, nil, refusePassphrase, nil).map { RevocationList(owned: $0) }
        }
    }

    /// The first private key.
    func privateKey() throws(TLSError) -> PrivateKey {
        OpenSSLErrorQueue.clear()
        var wasPassphraseWanted = false
        let key = withBIO { bio in
            withUnsafeMutableBytes(of: &wasPassphraseWanted) { flag in
                PEM_read_bio_PrivateKey(bio, nil, refusePassphrase, flag.baseAddress)
            }
        }
        OpenSSLErrorQueue.clear()
        if let key { return PrivateKey(owned: key) }
        if wasPassphraseWanted {
            throw TLSError(
                .keyEncrypted, path,
                "the private key needs a passphrase, and nobody is there to type it; "
                    + "decrypt it with 'openssl pkey -in FILE -out NEWFILE'")
        }
        throw TLSError(
            .fileMalformed, path, "holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)")
    }

    private func all<Object>(
        _ noun: String, _ label: String, _ readNext: (OpaquePointer) -> Object?
    ) throws(TLSError) -> [Object] {
        OpenSSLErrorQueue.clear()
        var found: [Object] = []
        _ = withBIO { bio -> OpaquePointer? in
            while let next = readNext(bio) { found.append(next) }
            return nil
        }
        let entries = OpenSSLErrorQueue.drain()
        let isAtEnd = entries.first.map { $0.isFromPEM && $0.reason == PEM_R_NO_START_LINE } ?? true
        if !isAtEnd {
            let reason = entries.first?.text ?? "unknown reason"
            throw TLSError(.fileMalformed, path, "\(noun) number \(found.count + 1) is damaged: \(reason)")
        }
        guard !found.isEmpty else {
            throw TLSError(.fileMalformed, path, "holds no \(noun) in PEM form (-----BEGIN \(label)-----)")
        }
        return found
    }

    private func withBIO(_ body: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
        guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return nil }
        defer { BIO_free(bio) }
        return body(bio)
    }

    private static func isPrivate(_ status: stat) -> Bool {
        // A credential of systemd is root's, and its service reads it by an ACL, whose mask shows as the group's right.
        // The group itself is root's.
        let isCredential = status.st_uid == 0 && status.st_gid == 0 && status.st_mode & 0o7777 == 0o440
        return isCredential || status.st_mode & 0o066 == 0 || isForOwnGroup(status)
    }

    private static func checkedSize(of descriptor: Int32, _ path: String, _ role: Role) throws(TLSError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(path, role, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TLSError(.fileUnreadable, path, "the \(role.text) is no regular file")
        }
        if role == .key && !isPrivate(status) {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw TLSError(
                .keyReadableByOthers, path,
                "others may read or write the private key (mode 0\(mode)); run 'chmod 600 \(path)'")
        }
        guard status.st_size > 0 else { throw TLSError(.fileMalformed, path, "the \(role.text) is empty") }
        guard status.st_size <= bytesMax else {
            throw TLSError(.fileUnreadable, path, "the \(role.text) is larger than \(bytesMax) bytes")
        }
        return Int(status.st_size)
    }

    /// A key that root gives to a group of ours, as Kubernetes (`fsGroup`) and Debian (`ssl-cert`) do: nobody but root can
    /// change that.
    private static func isForOwnGroup(_ status: stat) -> Bool {
        guard status.st_uid == 0, geteuid() != 0, status.st_mode & 0o026 == 0 else { return false }
        var groups = [gid_t](repeating: 0, count: Int(max(0, getgroups(0, nil))))
        let count = getgroups(Int32(groups.count), &groups)
        return status.st_gid == getegid() || groups.prefix(Int(max(0, count))).contains(status.st_gid)
    }

    private static func unreadable(_ path: String, _ role: Role, _ number: Int32) -> TLSError {
        TLSError(.fileUnreadable, path, "the \(role.text) can't be read: \(String(cString: strerror(number)))")
    }
}

/// Says that there is no passphrase, instead of asking for one on the terminal. `flag` points to a Bool or is nil.
private let refusePassphrase:
    @convention(c) (
        UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?
    ) -> Int32 = { _, _, _, flag in
        flag?.storeBytes(of: true, as: Bool.self)
        return -1
    }
