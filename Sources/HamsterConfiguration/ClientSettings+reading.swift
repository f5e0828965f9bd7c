internal import HamsterClient
package import HamsterCore
internal import HamsterMetrics
internal import HamsterProtocol
internal import HamsterTLS
internal import HamsterTail

extension ClientSettings {
    /// Understands a file and the overrides, or the overrides alone. Throws everything that is wrong, at once; with
    /// `opensCredentials` also with the files of certificates and keys that are named.
    package init(
        _ file: ConfigurationFile?, overrides: ClientOverrides = ClientOverrides(), defaults: SystemDefaults,
        opensCredentials: Bool = false
    ) throws(ConfigurationError) {
        var document = file?.document ?? ConfigurationDocument(directory: defaults.workingDirectory)
        let problem = document.apply(overrides, workingDirectory: defaults.workingDirectory)
        let reading = ConfigurationReading(document, opensCredentials: opensCredentials)
        if let problem { reading.report(problem.key, problem.text) }
        let root = reading.root(.client)
        log = LogSettings(root)
        stateDirectory = root.path("state", default: defaults.stateDirectory)
        let host = Self.hostName(root, defaults)
        let targetTable = root.table("target")
        let (targets, isRenewed) = Self.targets(targetTable)
        client = ClientConfiguration(hostName: host, targets: targets, inputs: [])
        if isRenewed { client.renewedIdentity = targets.first?.tls?.certificate }
        Self.transport(targetTable, &client)
        client.inputs = Self.inputs(root, overrides, reading, defaults)
        metrics = MetricsConfiguration.reading(root.table("prometheus"))
        if let identity = client.renewedIdentity, metrics?.tls?.certificate == identity {
            reading.report(
                "prometheus.tls.cert",
                "'target.tls.renew' replaces it by a certificate that is no server's: give the metrics one of their own"
            )
        }
        root.finish()
        text = reading.text
        warnings = Self.warnings(targets) + (metrics?.warnings ?? [])
        try reading.finish()
    }

    private static func warnings(_ targets: [ClientConfiguration.Target]) -> [String] {
        targets.filter { $0.tls == nil && !HostAndPort.isLoopback($0.host) }.map {
            "TLS is off for \($0.description): everybody on the way can read and change the logs"
        }
    }

    private static func hostName(_ root: TableReader, _ defaults: SystemDefaults) -> String {
        let name = root.text("hostname", default: defaults.hostName)
        let isAddress = name.contains(":") && HostAndPort("[\(name)]", defaultPort: 0) != nil
        if !StreamSource.isHostName(Array(name.utf8)), !isAddress {
            root.report("hostname", "expected 1 to 253 of A-Z a-z 0-9 . _ - and not . or - first, got \(quoted(name))")
        }
        return name
    }

    private static func targets(_ table: TableReader) -> ([ClientConfiguration.Target], isRenewed: Bool) {
        let tls = table.table("tls")
        let port = table.integer("port")
        var places = table.strings("hosts").compactMap { text -> HostAndPort? in
            guard let place = HostAndPort(text, defaultPort: port), place.host != "::", place.port > 0 else {
                table.report("hosts", "expected addresses such as \"log.example.com:7007\", got \(quoted(text))")
                return nil
            }
            return place
        }
        if table.has("hosts") {
            if table.isEmptyList("hosts") { table.report("hosts", "expected at least one address") }
            if table.string("hostname") != nil { table.report("hostname", "set either hostname or hosts") }
        } else if let host = table.required("hostname", "the name or address of the server") {
            let place = HostAndPort(host.contains(":") ? "[\(host)]" : host, defaultPort: port)
            if place == nil || host.isEmpty
                || (!host.hasPrefix("::") && host.contains(":") && !host.contains("::")
                    && host.split(separator: ":").count < 8)
            {
                table.report("hostname", "expected a name or an address without a port, got \(quoted(host))")
            }
            places = place.map { [$0] } ?? []
        }
        let (secure, isRenewed) = security(tls)
        let targets = places.map { place in
            var configuration = secure
            if configuration?.serverName.isEmpty == true { configuration?.serverName = place.host }
            return ClientConfiguration.Target(host: place.host, port: place.port, tls: configuration)
        }
        return (targets, isRenewed)
    }

    /// The server name stays empty where none is set: then it is each target's own.
    private static func security(_ table: TableReader) -> (TLSClientConfiguration?, isRenewed: Bool) {
        let isEnabled = table.bool("enabled")
        let ca = table.optionalPath("ca")
        let certificate = table.optionalPath("cert")
        let key = table.optionalPath("key")
        if (certificate == nil) != (key == nil) {
            table.report(certificate == nil ? "key" : "cert", "cert and key belong together: set both or neither")
        }
        let name = table.string("server_name") ?? ""
        let version = table.minimumVersion()
        let isRenewed = table.bool("renew")
        if isRenewed, certificate == nil || certificate != key {
            table.report(
                "renew", "needs 'cert' and 'key' to name one file with both in it, which is replaced as a whole")
        }
        table.finish()
        guard isEnabled else { return (nil, false) }
        let configuration = TLSClientConfiguration(
            ca: ca, certificate: certificate, key: key, serverName: name, minimumVersion: version)
        table.report(
            configuration.faults, caKey: "ca",
            whenExpired: isRenewed
                ? "too late for a renewal: run 'loghamsterd enroll' on the server, and 'loghamsterc enroll --force' here"
                : nil)
        return (configuration, isRenewed)
    }

    private static func transport(_ table: TableReader, _ client: inout ClientConfiguration) {
        client.offersCompression = table.bool("compress")
        client.connectionsMax = table.integer("max_connections")
        client.connectTimeout = table.duration("connect_timeout")
        client.bytesPerSecond = table.rate("rate_limit")
        table.finish()
    }
}

// MARK: - Inputs

extension ClientSettings {
    private static func inputs(
        _ root: TableReader, _ overrides: ClientOverrides, _ reading: ConfigurationReading, _ defaults: SystemDefaults
    ) -> [InputConfiguration] {
        let configured = root.tables("input").map { Self.input($0, reading) }
        guard let files = overrides.files else {
            if !root.has("input") || root.isEmptyList("input"), !reading.isBroken("input") {
                root.report("input", "missing: at least one [[input]] with a path")
            }
            return configured
        }
        let paths = files.map { SourcePath($0.hasPrefix("/") ? $0 : defaults.workingDirectory + "/" + $0).normalized }
        var input = InputConfiguration(FileSelection(patterns: paths.map { PathPattern(literal: $0) }))
        input.name = overrides.name
        input.files.method = overrides.isOnce ? .once : .watch
        return [input]
    }

    private static func input(_ table: TableReader, _ reading: ConfigurationReading) -> InputConfiguration {
        var input = InputConfiguration(FileSelection(patterns: []))
        input.name = table.string("name")
        if !table.has("path") || table.isEmptyList("path"), !reading.isBroken("path") {
            table.report("path", "missing: the files to ship")
        }
        input.files.patterns = table.strings("path").compactMap { text in
            let path = SourcePath(reading.absolute(text)).normalized
            guard !text.isEmpty, let pattern = PathPattern(path.description) else {
                table.report("path", "expected a path or a pattern such as \"/var/log/*.log\", got \(quoted(text))")
                return nil
            }
            return pattern
        }
        table.note("path", input.files.patterns.map(\.pattern))
        input.files.exclude = table.strings("exclude").compactMap { text in
            guard let glob = Glob(text) else {
                table.report("exclude", "'[' without ']' in \(quoted(text))")
                return nil
            }
            return glob
        }
        input.files.method = table.choice("method", ["watch": .watch, "close": .close, "once": .once])
        input.files.start = table.choice("start", ["beginning": .beginning, "end": .end])
        input.files.deletesDelivered = table.choice("onrotate", ["follow": false, "delete": true])
        if input.files.deletesDelivered, input.files.method == .once {
            table.report("onrotate", "method \"once\" knows no rotation: take it out, or use \"watch\" or \"close\"")
        }
        batching(table, &input)
        input.metadata = metadata(table)
        table.finish()
        return input
    }

    private static func batching(_ table: TableReader, _ input: inout InputConfiguration) {
        input.chunkBytesMin = table.size("min_chunk")
        input.flushInterval = table.duration("flush_interval")
        input.files.rotateWait = table.duration("rotate_wait")
        input.closeIdle = table.duration("close_idle")
        input.files.ignoreOlder = table.optionalDuration("ignore_older")
    }

    private static func metadata(_ table: TableReader) -> [String: String] {
        let meta = table.table("meta")
        var values: [String: String] = [:]
        for key in meta.keys {
            guard let value = meta.string(key) else { continue }
            guard StreamRequest.isKey(Array(key.utf8)), !StreamRequest.reservedKeys.contains(key) else {
                meta.report(
                    key, "a key must be a-z first, then up to 31 of a-z 0-9 _ . -, and none of the protocol's own")
                continue
            }
            values[key] = value
        }
        return values
    }
}

extension SourcePath {
    /// Without empty parts, `.` and `..`; a symbolic link before a `..` is not looked at.
    package var normalized: SourcePath {
        var parts: [ArraySlice<UInt8>] = []
        for component in components where !component.isEmpty && !component.elementsEqual(".".utf8) {
            if component.elementsEqual("..".utf8) {
                _ = parts.popLast()
            } else {
                parts.append(component)
            }
        }
        return SourcePath(bytes: parts.reduce(into: []) { $0 += [UInt8(ascii: "/")] + $1 })
    }
}

extension ConfigurationDocument {
    /// Lays the overrides over the file. Returns a problem of the overrides themselves.
    fileprivate mutating func apply(
        _ overrides: ClientOverrides, workingDirectory: String
    ) -> (key: String, text: String)? {
        func absolute(_ path: String) -> TOMLNode {
            .string(path.hasPrefix("/") ? path : "\(workingDirectory)/\(path)")
        }
        func source(_ name: String) -> String { overrides.sources[name] ?? "--\(name)" }
        if let ca = overrides.ca { override(["target", "tls", "ca"], absolute(ca), source: source("ca")) }
        if let certificate = overrides.certificate {
            override(["target", "tls", "cert"], absolute(certificate), source: source("cert"))
        }
        if let key = overrides.key { override(["target", "tls", "key"], absolute(key), source: source("key")) }
        if let state = overrides.state { override(["state"], absolute(state), source: source("state")) }
        if overrides.isPlaintext {
            override(["target", "tls", "enabled"], .boolean(false), source: "--insecure-plaintext")
        }
        if overrides.isCompressed { override(["target", "compress"], .boolean(true), source: "--compress") }
        guard let target = overrides.target else { return nil }
        guard let place = HostAndPort(target, defaultPort: KeyTable.port), place.host != "::", place.port > 0 else {
            overrideBroken(["target", "hostname"], source: source("target"))
            return ("target.hostname", "expected HOST:PORT, got \(quoted(target))")
        }
        remove(["target", "hosts"])
        override(["target", "hostname"], .string(place.host), source: source("target"))
        override(["target", "port"], .integer(place.port), source: source("target"))
        return nil
    }
}
