/// What is wrong with one of the files that a configuration names.
package struct CredentialFault: Error, Sendable, Hashable {
    /// Which of the files.
    package enum Setting: Sendable, Hashable {
        case certificate, key, authorities, revocationLists
    }

    package let setting: Setting
    package let error: TLSError
}

extension TLSServerConfiguration {
    /// Opens all files that are named, and tells all that is wrong with them; an empty path names none. Blocks.
    package func faults() -> [CredentialFault] {
        var faults = CredentialFaults()
        faults.lookAtOwn(certificate, key, for: .server)
        faults.lookAtAuthorities(clientCA)
        if let crl {
            faults.attempt(.revocationLists) { () throws(TLSError) in _ = try RevocationLists.read(crl) }
        }
        return faults.found
    }
}

extension TLSClientConfiguration {
    /// Opens all files that are named, and tells all that is wrong with them. Blocks.
    package func faults() -> [CredentialFault] {
        var faults = CredentialFaults()
        faults.lookAtOwn(certificate ?? "", key ?? "", for: .client)
        faults.lookAtAuthorities(ca)
        return faults.found
    }
}

/// Collects what is wrong.
private struct CredentialFaults {
    private(set) var found: [CredentialFault] = []

    mutating func lookAtOwn(_ certificate: String, _ key: String, for role: TLSContext.Role) {
        var chain: [Certificate]?
        var privateKey: PrivateKey?
        if !certificate.isEmpty {
            attempt(.certificate) { () throws(TLSError) in chain = try OwnCredentials.chain(certificate, for: role) }
        }
        if !key.isEmpty { attempt(.key) { () throws(TLSError) in privateKey = try OwnCredentials.key(key) } }
        guard let chain, let privateKey else { return }
        attempt(.key) { () throws(TLSError) in
            try OwnCredentials.check(privateKey, key, fits: chain, certificate)
        }
    }

    mutating func lookAtAuthorities(_ path: String?) {
        guard let path else { return }
        attempt(.authorities) { () throws(TLSError) in _ = try TLSContext.authorities(path) }
    }

    mutating func attempt(_ setting: CredentialFault.Setting, _ body: () throws(TLSError) -> Void) {
        do throws(TLSError) {
            try body()
        } catch {
            found.append(CredentialFault(setting: setting, error: error))
        }
    }
}
