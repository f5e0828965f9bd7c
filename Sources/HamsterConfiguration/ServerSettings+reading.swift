internal import HamsterCore
internal import HamsterEnrollment
internal import HamsterMetrics
internal import HamsterProtocol
internal import HamsterRateLimit
internal import HamsterRouting
internal import HamsterServer
internal import HamsterStore
internal import HamsterTLS

extension ServerSettings {
    /// Understands a file. Throws everything that is wrong with it, at once; with `opensCredentials` also with the files of
    /// certificates and keys that it names.
    package init(
        _ file: ConfigurationFile, overrides: ServerOverrides = ServerOverrides(), defaults: SystemDefaults,
        opensCredentials: Bool = false
    ) throws(ConfigurationError) {
        var document = file.document
        for (key, value, source) in overrides.values { document.override(key, .string(value), source: source) }
        let reading = ConfigurationReading(document, opensCredentials: opensCredentials)
        let root = reading.root(.server)
        log = LogSettings(root)
        let (proxyTable, metricsTable) = (root.table("proxy_protocol"), root.table("prometheus"))
        let enrollTable = root.table("enroll")
        let (proxied, proxies) = Self.proxied(proxyTable)
        let (tls, binding) = Self.tls(root.table("tls"))
        let (enrollment, enrolling) = Self.enrollment(enrollTable, isSecured: tls != nil)
        let listeners = Self.listeners(root) + proxied + enrolling
        // As the outputs' paths are: they are compared with it.
        let directory = SourcePath(root.path("directory")).normalized.description
        let hasFallback = root.bool("fallback")
        let state = root.path("state", default: defaults.stateDirectory)
        let outputs = SourcePath(directory).normalized.bytes + [UInt8(ascii: "/")]
        if (SourcePath(state).normalized.bytes + [UInt8(ascii: "/")]).starts(with: outputs) {
            root.report("state", "must not lie in 'directory', where clients choose the names of files")
        }
        let threads = root.integer("threads")
        var store = StoreConfiguration(stateDirectory: state, directory: directory)
        Self.durability(root.table("durability"), &store)
        server = ServerConfiguration(listeners: listeners, tls: tls, hostBinding: binding, store: store)
        server.threads = threads
        server.enrollment = enrollment
        if enrollment?.hasOwnListener ?? false {
            // Port 0 is the system's choice, and nothing to tell anybody.
            server.enrollment?.streamPort = listeners.first { !$0.isForEnrollment && $0.port > 0 }?.port
        }
        server.proxies = proxies
        server.hasFallback = hasFallback
        server.limits = Self.limits(root.table("limits"), &server.store)
        server.rates = Self.rates(root.table("rate_limit"), &server.limits)
        metrics = MetricsConfiguration.reading(metricsTable)
        server.outputs = OutputRule.rules(root.table("output"), directory: directory)
        for rule in server.outputs { server.rates.perOutput[rule.name] = rule.bytesPerSecond }
        Self.reportDoubles(listeners, metrics, [root, proxyTable, metricsTable, enrollTable])
        root.finish()
        text = reading.text
        warnings =
            Self.warnings(tls: tls, binding, listeners) + Self.warnings(of: server)
            + (metrics?.warnings ?? [])
        try reading.finish()
    }

    /// `tables` are those of the listeners, of the load balancers' listeners, of the metrics, and of enrolment.
    private static func reportDoubles(
        _ listeners: [ServerConfiguration.Listener], _ metrics: MetricsConfiguration?, _ tables: [TableReader]
    ) {
        var addresses = ListenAddresses()
        func add(_ host: String, _ port: Int, _ text: String, _ table: TableReader) {
            let key = table.place.prefix + "listen"
            guard let other = addresses.add(.init(host: host, port: port), key: key) else { return }
            let place = other == key ? "another one of this list" : table.reading.place(of: other)
            table.report("listen", "\(text) is taken by \(place): choose another port, or leave one of them out")
        }
        for listener in listeners {
            let table = listener.isForEnrollment ? 3 : listener.proxies == nil ? 0 : 1
            add(listener.address, listener.port, "\(listener)", tables[table])
        }
        if let metrics { add(metrics.address, metrics.port, metrics.listener, tables[2]) }
    }

    private static func warnings(
        tls: TLSServerConfiguration?, _ binding: HostBinding, _ listeners: [ServerConfiguration.Listener]
    ) -> [String] {
        guard let open = listeners.first(where: { !HostAndPort.isLoopback($0.address) }) else { return [] }
        guard let tls else { return ["TLS is off on \(open): everybody on the way can read and change the logs"] }
        // A host that is bound to certificates needs one, whatever else is asked.
        guard !binding.isRequired else { return [] }
        if tls.clientAuthentication == .require {
            return [
                "bind_host is off on \(open): every client with a certificate can send as any host: leave it out, and "
                    + "name those that send for others in 'allow'"
            ]
        }
        let advice =
            tls.clientCA == nil
            ? "set client_ca in [tls] to the CA of your clients" : "set client_auth = \"require\" in [tls]"
        return ["clients need no certificate on \(open): whoever reaches it can send as any host: \(advice)"]
    }

    private static func warnings(of server: ServerConfiguration) -> [String] {
        guard server.hasFallback else { return [] }
        let directory = SourcePath(server.store.directory)
        return server.outputs.compactMap { rule in
            guard case .write(let output) = rule.action, output.path.letsClientsChooseFolder(below: directory) else {
                return nil
            }
            return
                "output '\(rule.name)': clients choose the first folder of '\(output.path)', and with the fallback that "
                + "may be another host's: begin with {host} or a fixed folder"
        }
    }

    private static func listeners(_ root: TableReader) -> [ServerConfiguration.Listener] {
        if root.isEmptyList("listen") { root.report("listen", "expected at least one address") }
        return listeners(root, root.strings("listen"), proxies: nil)
    }

    private static func listeners(
        _ table: TableReader, _ texts: [String], proxies: [IPNetwork]?
    ) -> [ServerConfiguration.Listener] {
        texts.compactMap { text in
            guard let parsed = HostAndPort(text) else {
                table.report(
                    "listen", "expected an address such as \"0.0.0.0:7007\" or \"[::]:7007\", got \(quoted(text))")
                return nil
            }
            return ServerConfiguration.Listener(address: parsed.host, port: parsed.port, proxies: proxies)
        }
    }

    /// The listeners for load balancers.
    private static func proxied(_ table: TableReader) -> ([ServerConfiguration.Listener], [IPNetwork]) {
        let networks = table.strings("from").compactMap { text -> IPNetwork? in
            guard let network = IPNetwork(text) else {
                table.report("from", "expected an address or a network such as \"10.0.0.0/24\", got \(quoted(text))")
                return nil
            }
            return network
        }
        let listeners = listeners(table, table.strings("listen"), proxies: networks)
        if !listeners.isEmpty, !table.has("from") {
            table.report("from", "missing: the addresses of the load balancers, which are believed what they say")
        }
        table.finish()
        return (listeners, networks)
    }

    /// The listeners are those for enrolment alone.
    private static func enrollment(
        _ table: TableReader, isSecured: Bool
    ) -> (EnrollmentConfiguration?, [ServerConfiguration.Listener]) {
        defer { table.finish() }
        let (authority, key) = (table.optionalPath("ca"), table.optionalPath("key"))
        let life = table.duration("valid")
        let isRenewing = table.bool("renew")
        var listeners = listeners(table, table.strings("listen"), proxies: nil)
        for index in listeners.indices { listeners[index].isForEnrollment = true }
        guard let authority, let key else {
            if authority != nil { table.report("key", "missing: the key of the CA in 'ca'") }
            if authority == nil, key != nil || !listeners.isEmpty {
                table.report("ca", "missing: the CA that issues certificates")
            }
            return (nil, [])
        }
        if !isSecured { table.report("ca", "hosts can't enrol without TLS: take 'enabled = false' out of [tls]") }
        var enrollment = EnrollmentConfiguration(authority: authority, key: key)
        enrollment.life = life
        enrollment.isRenewing = isRenewing
        enrollment.hasOwnListener = !listeners.isEmpty
        return (enrollment, listeners)
    }

    private static func tls(_ table: TableReader) -> (TLSServerConfiguration?, HostBinding) {
        let reading = table.serverTLS()
        let binding = hostBinding(
            table, reading.configuration.clientAuthentication, isEnabled: reading.isEnabled)
        table.finish()
        guard reading.isEnabled else { return (nil, HostBinding(isRequired: false)) }
        return (reading.configuration, binding)
    }

    private static func hostBinding(
        _ table: TableReader, _ authentication: TLSServerConfiguration.ClientAuthentication, isEnabled: Bool
    ) -> HostBinding {
        let isAsked = table.has("bind_host")
        let isBound = table.bool("bind_host", default: authentication == .require)
        if isAsked, isBound, authentication == .none, isEnabled {
            table.report("bind_host", "hosts can't be bound to certificates that are not asked for: set client_ca")
        }
        let relays = table.tables("allow").compactMap { relay -> HostBinding.Relay? in
            let certificate = relay.required("certificate", "a DNS name of the relay's certificate")
            let hosts = relay.strings("hosts").compactMap { text -> Glob? in
                guard let glob = Glob(text.lowercased()) else {
                    relay.report("hosts", "'[' without ']' in \(quoted(text))")
                    return nil
                }
                return glob
            }
            relay.finish()
            return certificate.map { HostBinding.Relay(certificate: $0, hosts: hosts) }
        }
        return HostBinding(isRequired: isBound, relays: relays)
    }

    private static func durability(_ table: TableReader, _ store: inout StoreConfiguration) {
        store.sync = table.choice("sync", ["commit": .commit, "os": .os])
        store.commitInterval = table.duration("commit_interval")
        store.commitBytes = table.size("commit_bytes")
        store.forgetAfter = table.duration("forget_after")
        store.freeSpaceMin = UInt64(table.size("free_space"))
        table.finish()
    }

    private static func limits(_ table: TableReader, _ store: inout StoreConfiguration) -> ServerConfiguration.Limits {
        var limits = ServerConfiguration.Limits()
        limits.connectionsMax = table.integer("max_connections")
        limits.streamsPerHostMax = table.integer("max_streams_per_host")
        limits.filesPerHostMax = table.integer("max_files_per_host")
        limits.handshakeTimeout = table.duration("handshake_timeout")
        let idle = table.duration("idle_timeout")
        limits.idleTimeout = idle == .zero ? nil : idle
        store.lineBytesMax = table.size("max_line")
        limits.shutdownGrace = table.duration("shutdown_grace")
        table.finish()
        return limits
    }

    private static func rates(_ table: TableReader, _ limits: inout ServerConfiguration.Limits) -> RateLimits {
        var rates = RateLimits(total: table.rate("total"))
        rates.perHost = table.rate("per_host")
        rates.perStream = table.rate("per_stream")
        rates.burst = table.duration("burst")
        limits.connectionsPerSecond = table.optionalInteger("connections_per_second")
        table.finish()
        return rates
    }
}

extension TableReader {
    func requiredPath(_ key: String, _ what: String) -> String? {
        required(key, what) == nil ? nil : optionalPath(key)
    }

    func minimumVersion() -> TLSVersion {
        choice("min_version", ["1.2": .v12, "1.3": .v13])
    }
}
