private import COpenSSL
internal import NIOCore

/// Where OpenSSL reads and writes a connection's encrypted bytes: two buffers instead of a socket.
///
/// `BIO_s_mem` would do too, but it copies each buffer once more, grows without limit and never gives memory back.
/// Here the bytes from the socket stay in the buffer they were received in, and encrypted bytes are gathered in one
/// buffer that goes to the channel as it is.
final class SessionBIO {
    /// Not yet read by OpenSSL. Without read-ahead OpenSSL keeps a partial record itself, so this is empty between reads.
    private var inbound = ByteBuffer()
    private var outbound = ByteBuffer()

    /// Encrypted bytes that OpenSSL has still to take.
    var inboundBytes: Int { inbound.readableBytes }
    /// Encrypted bytes that wait for the socket.
    var outboundBytes: Int { outbound.readableBytes }

    /// A BIO over these buffers, for one `SSL_set_bio`, which takes the reference. It doesn't retain this object.
    func makeBIO() -> OpaquePointer? {  // BIO *
        guard let method = Method.shared.pointer, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        return bio
    }

    /// Hands OpenSSL what was received. Give away the only reference: the receive buffer is reused when it is free.
    func receive(_ buffer: consuming ByteBuffer) {
        if inbound.readableBytes == 0 {
            inbound = buffer
        } else {
            inbound.writeBuffer(&buffer)
        }
    }

    /// Makes room for `count` more encrypted bytes at once, instead of growing record by record.
    func reserveOutbound(_ count: Int) {
        outbound.reserveCapacity(minimumWritableBytes: count)
    }

    /// Puts a record in line that OpenSSL has not made.
    func send(_ record: [UInt8]) { outbound.writeBytes(record) }

    /// All that waits for the socket, or nil. A fresh buffer is begun: clearing a shared one would copy its capacity.
    func takeOutbound() -> ByteBuffer? {
        guard outbound.readableBytes > 0 else { return nil }
        let taken = outbound
        outbound = ByteBuffer()
        return taken
    }

    fileprivate func read(into bytes: UnsafeMutableRawBufferPointer) -> Int {
        let count = inbound.readWithUnsafeReadableBytes { readable in
            let count = min(readable.count, bytes.count)
            bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: readable[..<count]))
            return count
        }
        if inbound.readableBytes == 0 { inbound = ByteBuffer() }
        return count
    }

    fileprivate func write(_ bytes: UnsafeRawBufferPointer) {
        outbound.writeBytes(bytes)
    }

    fileprivate static func of(_ bio: OpaquePointer?) -> SessionBIO? {
        BIO_get_data(bio).map { Unmanaged<SessionBIO>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// The process's one table of functions for `SessionBIO`.
///
/// @unchecked because the table is never changed after it was made.
private struct Method: @unchecked Sendable {
    static let shared = Method()

    let pointer: OpaquePointer?  // BIO_METHOD *

    private init() {
        pointer = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "log hamster channel")
        BIO_meth_set_create(pointer) { bio in
            BIO_set_init(bio, 1)
            return 1
        }
        // Anything but flush must say 0: a 1 would also claim end of file and kernel TLS.
        BIO_meth_set_ctrl(pointer) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        BIO_meth_set_read_ex(pointer) { bio, bytes, capacity, count in
            COpenSSL_BIO_clear_retry_flags(bio)
            guard let session = SessionBIO.of(bio), let bytes, let count else { return 0 }
            count.pointee = session.read(into: UnsafeMutableRawBufferPointer(start: bytes, count: capacity))
            if count.pointee > 0 { return 1 }
            // Without the retry flag, OpenSSL takes nothing for the end of the connection.
            COpenSSL_BIO_set_retry_read(bio)
            return 0
        }
        BIO_meth_set_write_ex(pointer) { bio, bytes, length, count in
            guard let session = SessionBIO.of(bio), let bytes, let count else { return 0 }
            session.write(UnsafeRawBufferPointer(start: bytes, count: length))
            count.pointee = length
            return 1
        }
    }
}
