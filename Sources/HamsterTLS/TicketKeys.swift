private import COpenSSL
internal import Synchronization

/// The keys that a server encrypts session tickets with (RFC 5077 section 4, RFC 8446 section 4.6.1): a new one every hour.
///
/// A ticket is as good as the client's certificate, so a key that leaks must not open what was recorded long before. The keys
/// belong to one context: a reload, which may bring other CAs or revocations, begins with new ones.
final class TicketKeys: Sendable {
    /// For how long new tickets are made with one key.
    static let period: Duration = .seconds(3_600)
    /// How long a ticket is taken for.
    static let ticketLifetime: Duration = period * 2
    /// Of a key that still opens tickets.
    private static let ageMax = period + ticketLifetime

    private struct Entry {
        let key: TicketKey
        let since: ContinuousClock.Instant
    }

    /// The newest one is the last.
    private let entries = Mutex<[Entry]>([])

    /// The key for new tickets; nil when the system has no randomness to give.
    func sealing(at now: ContinuousClock.Instant) -> TicketKey? {
        entries.withLock { entries in
            entries.removeAll { now - $0.since >= Self.ageMax }
            if let newest = entries.last, now - newest.since < Self.period { return newest.key }
            guard let key = TicketKey() else { return nil }
            entries.append(Entry(key: key, since: now))
            return key
        }
    }

    /// The key of this name, and whether new tickets are made with it; nil: there is no such key, or not any more.
    func opening(_ name: UnsafeRawBufferPointer, at now: ContinuousClock.Instant) -> (key: TicketKey, isCurrent: Bool)?
    {
        entries.withLock { entries in
            guard let entry = entries.first(where: { $0.key.isNamed(name) }), now - entry.since < Self.ageMax else {
                return nil
            }
            return (entry.key, now - entry.since < Self.period)
        }
    }
}

/// One key, wiped from memory when nobody needs it any more.
///
/// @unchecked because the bytes are never changed after `init`.
final class TicketKey: @unchecked Sendable {
    /// Of the name, which stands in each ticket in the clear.
    static let nameBytes = 16
    private static let secretBytes = 32

    /// Name, key of the cipher, key of the authentication code.
    private let bytes: UnsafeMutableRawBufferPointer

    /// A random one; nil when the system has no randomness to give.
    init?() {
        bytes = .allocate(byteCount: Self.nameBytes + 2 * Self.secretBytes, alignment: 1)
        guard RAND_priv_bytes(bytes.baseAddress, Int32(bytes.count)) == 1 else { return nil }
    }

    deinit {
        OPENSSL_cleanse(bytes.baseAddress, bytes.count)
        bytes.deallocate()
    }

    fileprivate func isNamed(_ name: UnsafeRawBufferPointer) -> Bool {
        name.elementsEqual(bytes.prefix(Self.nameBytes))
    }

    func copyName(to name: UnsafeMutablePointer<UInt8>) {
        UnsafeMutableRawPointer(name).copyMemory(from: nameAddress, byteCount: Self.nameBytes)
    }

    /// Sets up AES-256-CBC and HMAC-SHA256, as RFC 5077 section 4 has them. `vector` is that of the cipher.
    func setUp(
        _ cipher: OpaquePointer, _ code: OpaquePointer, vector: UnsafePointer<UInt8>, isEncrypting: Bool
    ) -> Bool {
        let key = nameAddress.advanced(by: Self.nameBytes)
        let codeKey = key.advanced(by: Self.secretBytes)
        guard
            EVP_CipherInit_ex(
                cipher, EVP_aes_256_cbc(), nil, key.assumingMemoryBound(to: UInt8.self), vector, isEncrypting ? 1 : 0)
                == 1
        else { return false }
        return COpenSSL_EVP_MAC_CTX_set_hmac_sha256(code, codeKey, Self.secretBytes) == 1
    }

    /// The bytes are never empty.
    private var nameAddress: UnsafeMutableRawPointer { unsafe bytes.baseAddress.unsafelyUnwrapped }
}
