private import COpenSSL
private import Glibc
private import Synchronization

/// All that connections of one configuration share: certificates, keys, trusted CAs, settings (an `SSL_CTX`).
///
/// Files are read by `init` and never again: a reload makes a new context for new connections. It may be used on all
/// event loops at once.
///
/// @unchecked because it is only changed in `init`, and OpenSSL guards what it changes in the `SSL_CTX` itself.
package final class TLSContext: @unchecked Sendable {
    /// Which end of the connection we are.
    enum Role { case server, client }

    /// The longest chain that is followed, in certificates above the peer's own.
    static let chainDepthMax: Int32 = 8
    /// The longest chain that is taken from a peer, in bytes: memory that a stranger can claim.
    static let chainBytesMax = 24 * 1_024

    let role: Role
    /// The CAs that are trusted, as error texts name them.
    let trustedAuthorities: String
    /// The file of revocation lists, if there is one.
    let revocationListPath: String?
    /// The name a client expects the server to have.
    let serverName: String?
    /// Whether an address was expected, which goes into no SNI.
    private let isServerNameAddress: Bool
    private let pointer: OpaquePointer  // SSL_CTX *
    private let protocols: ApplicationProtocols
    /// Gives Unix seconds; nil: the system's clock, which OpenSSL reads by itself.
    private let clock: (@Sendable () -> Int64)?
    /// The certificates and revocation lists that were read, with their ends; those of the system's trust store aside.
    package private(set) var validities: [CredentialValidity] = []
    /// CAs' certificates that peers have sent.
    let intermediates = PeerIntermediates()
    /// Of a server.
    let ticketKeys = TicketKeys()
    private let resumable = Mutex<ResumableSession?>(nil)
    /// Of a server that gives certificates to new hosts.
    private let enrollment: TLSEnrollment?
    /// Of a client that has no file of CAs yet: see ``TLSClientConfiguration/pinnedAuthority``.
    let pinnedAuthority: [UInt8]?

    /// A context for the accepting side.
    ///
    /// `applicationProtocols` are the ALPN names that are spoken, best first. A client that offers none of them is
    /// refused, one that offers nothing is served. Clients that agree on that of `enrollment` may need no certificate. `clock` gives the Unix seconds by which certificates and lists begin and
    /// end; nil: the system's. Throws what is wrong with which file.
    package init(
        server: TLSServerConfiguration, applicationProtocols: [String], enrollment: TLSEnrollment? = nil,
        clock: (@Sendable () -> Int64)? = nil
    ) throws(TLSError) {
        self.clock = clock
        self.enrollment = enrollment
        pinnedAuthority = nil
        pointer = try Self.makePointer(TLS_server_method())
        role = .server
        trustedAuthorities = server.clientCA.map { "the trusted CAs in \($0)" } ?? "the trusted CAs"
        revocationListPath = server.crl
        serverName = nil
        isServerNameAddress = false
        protocols = try ApplicationProtocols(applicationProtocols)

        try applyCommonSettings(server.minimumVersion)
        try useOwnCertificate(server.certificate, key: server.key)
        try setUpClientVerification(server)
        SessionTickets.use(on: pointer)
        protocols.select(on: pointer)
    }

    /// A context for the connecting side.
    ///
    /// `applicationProtocols` are the ALPN names that are offered, best first; `clock` as above. Throws what is wrong with
    /// which file.
    package init(
        client: TLSClientConfiguration, applicationProtocols: [String], clock: (@Sendable () -> Int64)? = nil
    ) throws(TLSError) {
        self.clock = clock
        enrollment = nil
        pinnedAuthority = client.pinnedAuthority
        pointer = try Self.makePointer(TLS_client_method())
        role = .client
        trustedAuthorities =
            client.pinnedAuthority.map {
                "what the token trusts, the CA with the fingerprint \(Hexadecimal.text(of: $0))"
            }
            ?? client.ca.map { "the trusted CAs in \($0)" } ?? "the system's trusted CAs"
        revocationListPath = nil
        serverName = client.serverName
        isServerNameAddress = Self.isAddress(client.serverName)
        protocols = try ApplicationProtocols(applicationProtocols)

        try applyCommonSettings(client.minimumVersion)
        try useOwnCertificate(of: client)
        if client.pinnedAuthority != nil { PinnedAuthority.trust(on: pointer) } else { try trustServers(client.ca) }
        try expectServerName(client.serverName)
        keepSessionsForResumption()
        protocols.offer(on: pointer)
    }

    deinit { SSL_CTX_free(pointer) }

    /// By which certificates and lists are judged.
    var now: CertificateTime { clock.map { CertificateTime(unixSeconds: $0()) } ?? .now }

    /// A new `SSL *`, which the caller owns; nil only when memory is short. A client's goes on with an earlier session
    /// if there is one.
    func makeConnection() -> OpaquePointer? {
        guard let ssl = SSL_new(pointer) else { return nil }
        setTime(SSL_get0_param(ssl))
        switch role {
        case .server:
            SSL_set_accept_state(ssl)
        case .client:
            SSL_set_connect_state(ssl)
            if let serverName, !isServerNameAddress { _ = COpenSSL_SSL_set_tlsext_host_name(ssl, serverName) }
            resumable.withLock { session in
                if let session { SSL_set_session(ssl, session.pointer) }
            }
        }
        return ssl
    }

    /// Sets a server's connection up for the protocol (ALPN) that was agreed on. False where memory is short. Called twice where a
    /// client is asked for a second ClientHello, which may say something else, or nothing: ``requireCertificate(of:_:)`` decides in
    /// the end.
    func use(_ applicationProtocol: some Sequence<UInt8>, on ssl: OpaquePointer) -> Bool {
        guard let enrollment, applicationProtocol.elementsEqual(enrollment.applicationProtocol.utf8) else {
            SSL_set_verify(ssl, SSL_CTX_get_verify_mode(pointer), SSL_CTX_get_verify_callback(pointer))
            return true
        }
        // Whoever shows a certificate is verified as ever.
        if enrollment.needsNoCertificate { SSL_set_verify(ssl, SSL_VERIFY_PEER, SSL_get_verify_callback(ssl)) }
        // A session without a certificate must not be gone on with where one is required.
        COpenSSL_SSL_refuse_tickets(ssl)
        // New hosts have the root's fingerprint, and not the root.
        return enrollment.authority.chain.allSatisfy { COpenSSL_SSL_add1_chain_cert(ssl, $0.pointer) == 1 }
    }

    /// Throws where a client has shown no certificate, and may not do without one for what it has agreed on at last.
    func requireCertificate(of peer: PeerIdentity?, _ applicationProtocol: String?, peerName: String) throws(TLSError) {
        guard role == .server, peer == nil,
            SSL_CTX_get_verify_mode(pointer) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT != 0
        else { return }
        if let enrollment, enrollment.needsNoCertificate, enrollment.applicationProtocol == applicationProtocol {
            return
        }
        throw TLSError(.verification, peerName, "the client has shown no certificate")
    }

    /// Whether a peer proves something that must not be good on any other connection than this one.
    func bindsChannel(_ applicationProtocol: String?) -> Bool {
        pinnedAuthority != nil || enrollmentAuthority(applicationProtocol) != nil
    }

    /// The CA that issues certificates on connections of this protocol; nil: none does.
    func enrollmentAuthority(_ applicationProtocol: String?) -> IssuingAuthority? {
        guard let enrollment, enrollment.applicationProtocol == applicationProtocol else { return nil }
        return enrollment.authority
    }

    /// Why a client's certificate doesn't pass, with the certificates of CAs that it may need; nil: it does.
    func objection(to leaf: Certificate, chain: [Certificate]) -> String? {
        OpenSSLErrorQueue.clear()
        guard SSL_CTX_get_verify_mode(pointer) != SSL_VERIFY_NONE else { return nil }
        guard let store = X509_STORE_CTX_new() else { return "no memory to verify it" }
        let untrusted = COpenSSL_sk_X509_new()
        for certificate in chain { COpenSSL_sk_X509_push(untrusted, certificate.pointer) }
        defer {
            X509_STORE_CTX_free(store)
            COpenSSL_sk_X509_free(untrusted)
        }
        guard X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(pointer), leaf.pointer, untrusted) == 1,
            X509_STORE_CTX_set_default(store, "ssl_client") == 1
        else { return OpenSSLErrorQueue.drainText() }
        X509_STORE_CTX_set_depth(store, Self.chainDepthMax)
        setTime(X509_STORE_CTX_get0_param(store))
        defer { OpenSSLErrorQueue.clear() }
        return X509_verify_cert(store) == 1 ? nil : CertificateVerification.reason(store, self)
    }

    /// Keeps a session for the next connection. Takes over the caller's reference.
    func keep(_ session: ResumableSession) {
        resumable.withLock { $0 = session }
    }

    /// Makes the next connection begin afresh, after one that failed.
    func forgetSession() {
        resumable.withLock { $0 = nil }
    }

    private static func makePointer(_ method: OpaquePointer?) throws(TLSError) -> OpaquePointer {
        OpenSSLErrorQueue.clear()
        guard let pointer = SSL_CTX_new(method) else {
            throw TLSError(.settingsRefused, "OpenSSL", OpenSSLErrorQueue.drainText())
        }
        return pointer
    }

    private func setTime(_ parameters: OpaquePointer?) {
        if let clock { X509_VERIFY_PARAM_set_time(parameters, time_t(clock())) }
    }

    /// Whether a name is an IPv4 or IPv6 address.
    static func isAddress(_ name: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1
    }

    private func check(_ isDone: Bool, _ subject: String, _ what: String) throws(TLSError) {
        guard isDone else {
            throw TLSError(.settingsRefused, subject, "\(what): \(OpenSSLErrorQueue.drainText())")
        }
    }
}

// Called by the initializers only.
extension TLSContext {
    /// AES-128 comes first because it is the cheapest of three that are all strong enough; ChaCha20 wins when a client
    /// without AES instructions prefers it.
    private func applyCommonSettings(_ minimumVersion: TLSVersion) throws(TLSError) {
        OpenSSLErrorQueue.clear()
        let minimum = minimumVersion == .v13 ? TLS1_3_VERSION : TLS1_2_VERSION
        let suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
        let isSet =
            COpenSSL_SSL_CTX_set_min_proto_version(pointer, minimum) == 1
            && COpenSSL_SSL_CTX_set_max_proto_version(pointer, TLS1_3_VERSION) == 1
            && SSL_CTX_set_ciphersuites(pointer, suites) == 1
            && SSL_CTX_set_cipher_list(pointer, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
        try check(isSet, "OpenSSL", "protocol version or cipher suites refused")
        COpenSSL_SSL_CTX_set_connection_modes(pointer)
        COpenSSL_SSL_CTX_set_connection_options(pointer)
        SSL_CTX_set_verify_depth(pointer, Self.chainDepthMax)
        COpenSSL_SSL_CTX_set_max_cert_list(pointer, Self.chainBytesMax)
    }

    private func useOwnCertificate(of client: TLSClientConfiguration) throws(TLSError) {
        switch (client.certificate, client.key) {
        case (let certificate?, let key?): try useOwnCertificate(certificate, key: key)
        case (let certificate?, nil): throw TLSError(.settingsRefused, certificate, "set the certificate's key too")
        case (nil, let key?): throw TLSError(.settingsRefused, key, "set the key's certificate too")
        case (nil, nil): break
        }
    }

    private func useOwnCertificate(_ path: String, key keyPath: String) throws(TLSError) {
        let credentials = try OwnCredentials(certificate: path, key: keyPath, for: role, at: now)
        let chain = credentials.chain
        guard let own = chain.first else { return }
        OpenSSLErrorQueue.clear()
        let intermediates = COpenSSL_sk_X509_new()
        defer { COpenSSL_sk_X509_free(intermediates) }
        for certificate in chain.dropFirst() { COpenSSL_sk_X509_push(intermediates, certificate.pointer) }
        let isUsed = SSL_CTX_use_cert_and_key(pointer, own.pointer, credentials.key.pointer, intermediates, 1) == 1
        try check(isUsed, path, "certificate of '\(own.subject)' can't be used")
        validities += chain.map { CredentialValidity($0, .own, path: path) }
    }

    private func setUpClientVerification(_ server: TLSServerConfiguration) throws(TLSError) {
        if let clientCA = server.clientCA {
            for authority in try trust(clientCA) { SSL_CTX_add_client_CA(pointer, authority.pointer) }
            if let crl = server.crl { try checkRevocation(crl) }
        } else if server.clientAuthentication != .none {
            throw TLSError(.settingsRefused, "client_auth", "clients' certificates need client_ca to be verified")
        } else if let crl = server.crl {
            throw TLSError(.settingsRefused, crl, "a revocation list needs client_ca, whose certificates it revokes")
        }
        switch server.clientAuthentication {
        case .none: SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
        case .optional: CertificateVerification.require(SSL_VERIFY_PEER, on: pointer)
        case .require:
            CertificateVerification.require(SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on: pointer)
        }
    }

    private func trustServers(_ path: String?) throws(TLSError) {
        CertificateVerification.require(SSL_VERIFY_PEER, on: pointer)
        if let path {
            _ = try trust(path)
        } else {
            OpenSSLErrorQueue.clear()
            try check(SSL_CTX_set_default_verify_paths(pointer) == 1, "ca", "the system's trust store can't be read")
        }
    }

    private func trust(_ path: String) throws(TLSError) -> [Certificate] {
        let authorities = try Self.authorities(path)
        OpenSSLErrorQueue.clear()
        for authority in authorities {
            let isAdded = X509_STORE_add_cert(SSL_CTX_get_cert_store(pointer), authority.pointer) == 1
            try check(isAdded, path, "certificate of '\(authority.subject)' can't be used")
            validities.append(CredentialValidity(authority, .authority, path: path))
        }
        return authorities
    }

    /// The certificates of a file of CAs.
    static func authorities(_ path: String) throws(TLSError) -> [Certificate] {
        let authorities = try PEMFile(path: path, role: .authorities).certificates()
        guard let other = authorities.first(where: { !$0.isCA && !$0.isSelfIssued }) else { return authorities }
        throw TLSError(
            .fileMalformed, path, "'\(other.subject)' is no CA; give the certificate of its CA, '\(other.issuer)'")
    }

    private func checkRevocation(_ path: String) throws(TLSError) {
        let lists = try RevocationLists.read(path, at: now)
        OpenSSLErrorQueue.clear()
        let store = SSL_CTX_get_cert_store(pointer)
        for list in lists {
            try check(X509_STORE_add_crl(store, list.pointer) == 1, path, "revocation list can't be used")
        }
        COpenSSL_X509_STORE_check_revocation(store)
        validities += lists.map { CredentialValidity($0, path: path) }
    }

    /// Only subject alternative names count: a common name has never been checked by whoever issued it. OpenSSL takes
    /// a name that begins with a dot for every name below it.
    private func expectServerName(_ name: String) throws(TLSError) {
        guard !name.isEmpty, !name.hasPrefix("."), !name.utf8.contains(0) else {
            throw TLSError(.settingsRefused, "server_name", "'\(name)' is no DNS name or IP address")
        }
        OpenSSLErrorQueue.clear()
        let parameters = SSL_CTX_get0_param(pointer)
        X509_VERIFY_PARAM_set_hostflags(
            parameters, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        let isSet =
            isServerNameAddress
            ? X509_VERIFY_PARAM_set1_ip_asc(parameters, name) : X509_VERIFY_PARAM_set1_host(parameters, name, 0)
        try check(isSet == 1, "server_name", "'\(name)' can't be checked")
    }

    private func keepSessionsForResumption() {
        COpenSSL_SSL_CTX_set_session_cache_mode(
            pointer, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        SSL_CTX_sess_set_new_cb(pointer) { ssl, session in
            guard let session, let owner = TLSSession.of(ssl) else { return 0 }
            owner.context.keep(ResumableSession(owned: session))
            return 1
        }
    }
}
