import Foundation
import HamsterTesting

/// One certificate of every kind that a client may show, right and wrong, and the files by which a server judges them.
struct ClientCertificates {
    enum Kind: String, CaseIterable {
        case none
        case right
        case otherCA = "other CA"
        case expired
        case notYetValid = "not yet valid"
        case revoked
        case wrongUsage = "wrong usage"
        case wrongHost = "wrong host"
        case intermediateMissing = "intermediate missing"
        case rsa2048 = "RSA 2048"
        case p384 = "P-384"
        case ed25519 = "Ed25519"
        /// Three intermediate CAs stand between it and the root.
        case deepChain = "4-deep chain"
    }

    /// The CAs that are trusted: one that issues to hosts, and one that leaves that to CAs below it.
    let authorities: String
    /// The revocation lists of all of them.
    let revocations: String
    private let pairs: [Kind: CertificateAuthority.Pair]

    /// `nil` for ``Kind/none``.
    func pair(_ kind: Kind) -> CertificateAuthority.Pair? { pairs[kind] }

    init(_ deployment: Deployment) async throws {
        let authority = deployment.authority
        let workshop = try Workshop(in: deployment.scratch)
        let other = try await CertificateAuthority(in: deployment.scratch, name: "other")
        let expired = ["--not-before", "20240101000000Z", "--not-after", "20250101000000Z"]
        let future = ["--not-before", "20900101000000Z", "--not-after", "20910101000000Z"]
        let chain = try await workshop.chain()
        pairs = [
            .right: deployment.clientPair,
            .otherCA: try await other.client("web1"),
            .expired: try await authority.client("web1", arguments: expired, file: "expired"),
            .notYetValid: try await authority.client("web1", arguments: future, file: "future"),
            .revoked: try await authority.client("web1", file: "revoked"),
            .wrongUsage: deployment.serverPair,
            .wrongHost: try await authority.client("db1"),
            .intermediateMissing: chain.bare,
            .rsa2048: try await workshop.issue("rsa", ["rsa:2048"], by: authority.own),
            .p384: try await workshop.issue("p384", ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], by: authority.own),
            .ed25519: try await workshop.issue("ed25519", ["ed25519"], by: authority.own),
            .deepChain: chain.whole,
        ]
        try await authority.revoke("revoked")
        authorities = try workshop.join("trusted.pem", [authority.certificate, chain.root])
        revocations = try workshop.join("revocations.pem", [authority.revocations] + chain.revocations)
    }
}

/// Certificates that `certs/ca` doesn't make: other keys, and CAs below a CA.
private struct Workshop {
    struct Chain {
        var root: String
        var revocations: [String]
        /// The client's certificate with those of the CAs between.
        var whole: CertificateAuthority.Pair
        /// Without them.
        var bare: CertificateAuthority.Pair
    }

    private static let curve = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    private let scratch: ScratchDirectory
    private let settings: String

    init(in scratch: ScratchDirectory) throws {
        self.scratch = scratch
        try scratch.write("workshop/index", "")
        settings = try scratch.write(
            "workshop/openssl.cnf",
            """
            [req]
            distinguished_name = subject
            [subject]
            [client]
            basicConstraints = critical, CA:FALSE
            keyUsage = critical, digitalSignature
            extendedKeyUsage = clientAuth
            subjectAltName = DNS:web1
            [authority]
            basicConstraints = critical, CA:TRUE
            keyUsage = critical, keyCertSign, cRLSign
            [ca]
            default_ca = lists
            [lists]
            database = \(scratch("workshop/index"))
            default_md = sha256
            """)
    }

    /// A client's certificate with a key of this kind, as `openssl req -newkey` takes it.
    func issue(
        _ name: String, _ key: [String], by issuer: CertificateAuthority.Pair
    ) async throws -> CertificateAuthority.Pair {
        try await make(name, "/CN=web1", "client", key, by: issuer)
    }

    func chain() async throws -> Chain {
        let root = try await make("root", "/CN=Root CA", "authority", Self.curve, by: nil)
        var authorities = [root]
        for number in 1...3 {
            authorities.append(
                try await make("ca\(number)", "/CN=CA \(number)", "authority", Self.curve, by: authorities[number - 1]))
        }
        let bare = try await issue("deep", Self.curve, by: authorities[3])
        var lists: [String] = []
        for authority in authorities { lists.append(try await revocationList(of: authority)) }
        let between = authorities.dropFirst().reversed().map(\.certificate)
        let whole = try join("chain.pem", [bare.certificate] + between)
        return Chain(
            root: root.certificate, revocations: lists, whole: .init(certificate: whole, key: bare.key), bare: bare)
    }

    func join(_ name: String, _ files: [String]) throws -> String {
        try scratch.write(
            "workshop/\(name)", try files.map { try String(contentsOfFile: $0, encoding: .utf8) }.joined())
    }

    private func make(
        _ name: String, _ subject: String, _ extensions: String, _ key: [String],
        by issuer: CertificateAuthority.Pair?
    ) async throws -> CertificateAuthority.Pair {
        let pair = CertificateAuthority.Pair(
            certificate: scratch("workshop/\(name).pem"), key: scratch("workshop/\(name).key"))
        let signature = issuer.map { ["-CA", $0.certificate, "-CAkey", $0.key] } ?? []
        try await openssl(
            ["req", "-x509", "-config", settings, "-nodes", "-days", "2", "-subj", subject, "-extensions", extensions]
                + ["-keyout", pair.key, "-out", pair.certificate, "-newkey"] + key + signature)
        return pair
    }

    /// An empty one.
    private func revocationList(of authority: CertificateAuthority.Pair) async throws -> String {
        let list = "\(authority.certificate).crl"
        try await openssl(
            ["ca", "-gencrl", "-config", settings, "-crldays", "2", "-out", list]
                + ["-cert", authority.certificate, "-keyfile", authority.key])
        return list
    }

    private func openssl(_ arguments: [String]) async throws {
        let process = try ChildProcess("/usr/bin/openssl", arguments, in: scratch)
        guard try await process.exitCode() == 0 else { throw TestingError("openssl \(arguments): \(process.errors)") }
    }
}
