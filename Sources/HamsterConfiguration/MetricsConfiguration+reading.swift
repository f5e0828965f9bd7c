internal import HamsterCore
internal import HamsterMetrics
internal import HamsterTLS

extension MetricsConfiguration {
    /// Reads `[prometheus]`. Nil: metrics are switched off.
    static func reading(_ table: TableReader) -> MetricsConfiguration? {
        let isEnabled = table.bool("enabled")
        let listen = table.text("listen")
        let path = path(table)
        let tls = tls(table, isUsed: isEnabled)
        table.finish()
        guard let place = HostAndPort(listen) else {
            table.report(
                "listen", "expected an address such as \(quoted(table.textDefault("listen"))), got \(quoted(listen))")
            return nil
        }
        return isEnabled ? MetricsConfiguration(address: place.host, port: place.port, path: path, tls: tls) : nil
    }

    /// A sentence for each setting that is allowed and unwise.
    var warnings: [String] {
        guard tls == nil, !HostAndPort.isLoopback(address) else { return [] }
        return ["metrics are offered without TLS on \(listener): everybody who reaches it can read them"]
    }

    private static func path(_ table: TableReader) -> String {
        let path = table.text("path")
        let isPath =
            path.first == "/" && path.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x3F && $0 != 0x23 }
        if !isPath {
            table.report("path", "expected a path such as \"/metrics\", got \(quoted(path))")
        } else if [healthPath, readinessPath].contains(path) {
            table.report("path", "\(path) says whether the program is well: choose another")
        }
        return path
    }

    /// The keys of the server's `[tls]`, but for those that are about hosts.
    private static func tls(_ table: TableReader, isUsed: Bool) -> TLSServerConfiguration? {
        let below = table.table("tls")
        guard table.has("tls") else { return nil }
        let reading = below.serverTLS(isUsed: isUsed)
        below.finish()
        return reading.isEnabled ? reading.configuration : nil
    }
}

/// What a table says of TLS for who accepts connections.
struct ServerTLSReading {
    /// False: it is switched off in so many words.
    var isEnabled: Bool
    var configuration: TLSServerConfiguration
}

extension TableReader {
    /// Reads certificates and versions. What is wrong in a table that is switched off is still wrong, but its files are left
    /// alone, as they are where nobody uses it.
    func serverTLS(isUsed: Bool = true) -> ServerTLSReading {
        let isEnabled = bool("enabled")
        let certificate = isEnabled ? requiredPath("cert", "the server's certificate chain") : optionalPath("cert")
        let key = isEnabled ? requiredPath("key", "the key of the server's certificate") : optionalPath("key")
        let clientCA = optionalPath("client_ca")
        let authentication = clientAuthentication(hasCA: clientCA != nil)
        let crl = optionalPath("crl")
        let version = minimumVersion()
        let configuration = TLSServerConfiguration(
            certificate: certificate ?? "", key: key ?? "", clientCA: clientCA,
            clientAuthentication: authentication, crl: crl, minimumVersion: version)
        if isEnabled, isUsed { report(configuration.faults, caKey: "client_ca") }
        return ServerTLSReading(isEnabled: isEnabled, configuration: configuration)
    }

    /// Reports what is wrong with the files of certificates, where these are to be opened. `whenExpired`: what to do about our
    /// own one then.
    func report(_ faults: () -> [CredentialFault], caKey: String, whenExpired advice: String? = nil) {
        guard reading.opensCredentials else { return }
        for fault in faults() {
            let key =
                switch fault.setting {
                case .certificate: "cert"
                case .key: "key"
                case .authorities: caKey
                case .revocationLists: "crl"
                }
            let advice = fault.error.code == .certificateExpired ? advice : nil
            report(key, "\(fault.error)" + (advice.map { ": \($0)" } ?? ""))
        }
    }

    private func clientAuthentication(hasCA: Bool) -> TLSServerConfiguration.ClientAuthentication {
        let choices: KeyValuePairs<String, TLSServerConfiguration.ClientAuthentication> = [
            "none": .none, "optional": .optional, "require": .require,
        ]
        let authentication = choice("client_auth", choices, default: hasCA ? "require" : "none")
        if authentication != .none, !hasCA {
            report("client_auth", "client certificates can't be checked without client_ca")
        }
        return authentication
    }
}
