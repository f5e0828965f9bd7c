private import COpenSSL

/// The application protocols that are offered or accepted (ALPN), in the form they have on the wire.
///
/// The bytes have a fixed address because OpenSSL's callback is given this object, unretained, for as long as its
/// `SSL_CTX` lives, and answers with a pointer into them.
final class ApplicationProtocols {
    private let wire: UnsafeMutableBufferPointer<UInt8>

    /// Names have 1 to 255 bytes; none at all switches ALPN off.
    init(_ names: [String]) throws(TLSError) {
        for name in names where name.isEmpty || name.utf8.count > 255 {
            throw TLSError(.settingsRefused, "ALPN", "a protocol name has 1 to 255 bytes, '\(name)' has not")
        }
        let bytes = names.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        wire = .allocate(capacity: bytes.count)
        _ = wire.initialize(from: bytes)
    }

    deinit { wire.deallocate() }

    /// Makes a client's context offer these.
    func offer(on context: OpaquePointer) {
        guard !wire.isEmpty else { return }
        SSL_CTX_set_alpn_protos(context, wire.baseAddress, UInt32(wire.count))
    }

    /// Makes a server's context choose among these, or send `no_application_protocol`. OpenSSL asks only about clients
    /// that offer something.
    func select(on context: OpaquePointer) {
        guard !wire.isEmpty else { return }
        let selection: SSL_CTX_alpn_select_cb_func = { ssl, chosen, chosenLength, offered, offeredLength, own in
            guard let own, let chosen, let chosenLength else { return SSL_TLSEXT_ERR_ALERT_FATAL }
            let wire = Unmanaged<ApplicationProtocols>.fromOpaque(own).takeUnretainedValue().wire
            var name: UnsafeMutablePointer<UInt8>?
            let result = SSL_select_next_proto(
                &name, chosenLength, wire.baseAddress, UInt32(wire.count), offered, offeredLength)
            guard result == OPENSSL_NPN_NEGOTIATED, let ssl, let context = TLSSession.of(ssl)?.context,
                context.use(UnsafeBufferPointer(start: name, count: Int(chosenLength.pointee)), on: ssl)
            else { return SSL_TLSEXT_ERR_ALERT_FATAL }
            chosen.pointee = UnsafePointer(name)
            return SSL_TLSEXT_ERR_OK
        }
        SSL_CTX_set_alpn_select_cb(context, selection, Unmanaged.passUnretained(self).toOpaque())
    }
}
