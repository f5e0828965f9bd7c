private import COpenSSL

/// Watches OpenSSL verify the peer's chain, and puts into words why it doesn't pass: what was found, and what was
/// expected.
enum CertificateVerification {
    /// Makes the connections of a context verify their peer. `mode` is a set of `SSL_VERIFY_` flags.
    static func require(_ mode: Int32, on context: OpaquePointer) {
        SSL_CTX_set_verify(context, mode) { passed, store in
            guard let store else { return passed }
            if passed != 1 {
                CertificateVerification.note(store)
            } else if X509_STORE_CTX_get_error_depth(store) == 0 {
                CertificateVerification.passed(store)
            }
            return passed
        }
    }

    /// Leaves the reason with the session, whose handshake is about to fail.
    private static func note(_ store: OpaquePointer) {
        guard let session = TLSSession.of(ssl(of: store)) else { return }
        session.refusal = reason(store, session.context)
    }

    /// The whole chain is verified.
    private static func passed(_ store: OpaquePointer) {
        guard let ssl = ssl(of: store) else { return }
        TLSSession.of(ssl)?.context.intermediates.note(store)
        // TLS 1.2 asks for the key of its one ticket: see ``SessionTickets``.
        guard let pointer = X509_STORE_CTX_get_current_cert(store), !SessionTickets.mayHold(pointer) else { return }
        SSL_set_num_tickets(ssl, 0)
    }

    private static func ssl(of store: OpaquePointer) -> OpaquePointer? {
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()).map { OpaquePointer($0) }
    }

    /// What a verification that has failed says.
    static func reason(_ store: OpaquePointer, _ context: TLSContext) -> String {
        let code = X509_STORE_CTX_get_error(store)
        guard let pointer = X509_STORE_CTX_get_current_cert(store) else { return libraryText(code) }
        let certificate = Certificate(shared: pointer)
        let isPeer = X509_STORE_CTX_get_error_depth(store) == 0
        let holder = "\(isPeer ? "certificate" : "CA certificate") of '\(certificate.subject)'"
        return trustReason(code, certificate, holder, context)
            ?? validityReason(code, certificate, holder, context)
            ?? revocationReason(code, certificate, store, holder, context)
            ?? useReason(code, certificate, holder, context)
            ?? "\(holder): \(libraryText(code))"
    }

    private static func trustReason(
        _ code: Int32, _ certificate: Certificate, _ holder: String, _ context: TLSContext
    ) -> String? {
        switch code {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            "\(holder) was issued by '\(certificate.issuer)', which is not among \(context.trustedAuthorities)"
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            "\(holder) is self-signed and not among \(context.trustedAuthorities)"
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            "the chain ends in '\(certificate.subject)', which is not among \(context.trustedAuthorities)"
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            "\(holder) was not signed by the '\(certificate.issuer)' that is among \(context.trustedAuthorities): "
                + "the same name, but another key"
        case X509_V_ERR_CERT_CHAIN_TOO_LONG:
            "the chain has more than \(TLSContext.chainDepthMax) CAs"
        default: nil
        }
    }

    private static func validityReason(
        _ code: Int32, _ certificate: Certificate, _ holder: String, _ context: TLSContext
    ) -> String? {
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            "\(holder) expired at \(certificate.notAfter)"
        case X509_V_ERR_CERT_NOT_YET_VALID:
            "\(holder) is not valid before \(certificate.notBefore), and it is \(context.now) here; "
                + "compare the clocks"
        default: nil
        }
    }

    private static func revocationReason(
        _ code: Int32, _ certificate: Certificate, _ store: OpaquePointer, _ holder: String, _ context: TLSContext
    ) -> String? {
        let list = X509_STORE_CTX_get0_current_crl(store).map { RevocationList(shared: $0) }
        let path = context.revocationListPath ?? "the revocation lists"
        switch code {
        case X509_V_ERR_CERT_REVOKED:
            let time = list?.revocationTime(of: certificate).map { " at \($0)" } ?? ""
            return "\(holder) (serial number \(certificate.serial)) was revoked\(time)"
        case X509_V_ERR_UNABLE_TO_GET_CRL:
            return "\(holder) can't be checked: no revocation list of '\(certificate.issuer)' in \(path)"
        case X509_V_ERR_CRL_HAS_EXPIRED:
            let time = list?.nextUpdate.map { " at \($0)" } ?? ""
            return
                "\(holder) can't be checked: the revocation list of '\(certificate.issuer)' in \(path) expired\(time)"
        case X509_V_ERR_CRL_NOT_YET_VALID:
            return "\(holder) can't be checked: the revocation list of '\(certificate.issuer)' in \(path) "
                + "is not valid yet; check the clock"
        case X509_V_ERR_CRL_SIGNATURE_FAILURE:
            return
                "\(holder) can't be checked: the revocation list in \(path) was not signed by '\(certificate.issuer)'"
        default:
            return nil
        }
    }

    private static func useReason(
        _ code: Int32, _ certificate: Certificate, _ holder: String, _ context: TLSContext
    ) -> String? {
        switch code {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            return nameReason(certificate, holder, context.serverName ?? "")
        case X509_V_ERR_INVALID_PURPOSE:
            let use = context.role == .server ? "client" : "server"
            let usage = certificate.extendedKeyUsage.map {
                " (extended key usage is \($0.joined(separator: ", ").printable(limit: 100)))"
            }
            return "\(holder) may not be used as a TLS \(use)\(usage ?? "")"
        case X509_V_ERR_INVALID_CA:
            return "'\(certificate.subject)' is no CA, and yet it issued the certificate below it"
        default:
            return nil
        }
    }

    private static func nameReason(_ certificate: Certificate, _ holder: String, _ expected: String) -> String {
        guard let identity = PeerIdentity(certificate) else { return "\(holder) has a malformed DNS name" }
        let names = identity.dnsNames + identity.ipAddresses
        guard !names.isEmpty else {
            return "\(holder) has no subject alternative names, expected '\(expected)' (a common name doesn't count)"
        }
        let found = names.map { "'\($0)'" }.joined(separator: ", ").printable(limit: 200)
        return "certificate is for \(found), expected '\(expected)'"
    }

    private static func libraryText(_ code: Int32) -> String {
        X509_verify_cert_error_string(Int(code)).map { String(cString: $0) } ?? "verification error \(code)"
    }
}
