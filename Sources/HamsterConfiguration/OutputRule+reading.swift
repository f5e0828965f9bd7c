internal import HamsterCore
internal import HamsterProtocol
internal import HamsterRouting

extension OutputRule {
    /// The rules of `[output.NAME]`, by name.
    static func rules(_ table: TableReader, directory: String) -> [OutputRule] {
        table.keys.compactMap { name in
            let output = table.table(name)
            let match = StreamMatch.reading(output)
            let priority = output.integer("priority")
            let isDenied = output.bool("deny")
            let written = Output(output, directory: directory, isNeeded: !isDenied)
            let rate = output.rate("rate_limit")
            if isDenied, !output.has("match") {
                output.report("deny", "refuses only what a match describes: add one")
            }
            output.finish()
            if isDenied { return OutputRule(name: name, match: match, priority: priority, action: .deny) }
            return written.map {
                OutputRule(name: name, match: match, priority: priority, bytesPerSecond: rate, action: .write($0))
            }
        }
    }
}

extension OutputRule.Output {
    /// Nil where there is no path to write; that is reported where one is needed.
    fileprivate init?(_ output: TableReader, directory: String, isNeeded: Bool) {
        let text = isNeeded ? output.required("path", "the file to write") : output.string("path")
        let template = text.flatMap { output.pathTemplate("path", $0, directory: directory) }
        let framing = output.choice(
            "framing", ["bytes": OutputFraming.bytes, "lines": .lines],
            default: template?.isOfOneSource == true ? "bytes" : "lines")
        let prefix = output.linePrefix("prefix")
        if framing == .bytes, prefix != nil { output.report("prefix", "needs framing = \"lines\"") }
        let mode = output.mode("mode")
        let owner = output.owner("owner")
        let rotation = RotationPolicy(of: output)
        guard let template else { return nil }
        self.init(
            path: template, framing: framing, prefix: prefix, mode: mode, owner: owner, rotation: rotation)
    }
}

extension RotationPolicy {
    /// Each number is a rename and a sync at every rotation.
    private static let numberedMax = 1_000

    /// Nil where there is none.
    fileprivate init?(of output: TableReader) {
        let table = output.table("rotate")
        guard output.has("rotate"), !table.isMisread else { return nil }
        let size = table.optionalSize("size")
        let every = table.optionalDuration("every")
        if !table.has("size"), !table.has("every") {
            output.report("rotate", "expected size or every: neither says when")
        }
        if let every, every.components.attoseconds != 0 { table.report("every", "expected whole seconds") }
        let keep = table.optionalInteger("keep")
        let isCompressing = table.bool("compress")
        let names = table.choice("names", ["numbered": Names.numbered, "dated": .dated])
        if names == .numbered, !table.has("keep") {
            table.report("keep", "missing: how many rotated files are kept (names = \"dated\" can keep all)")
        } else if names == .numbered, let keep, keep > Self.numberedMax {
            table.report("keep", "expected at most \(Self.numberedMax) with names = \"numbered\", got \(keep)")
        }
        table.finish()
        self.init(
            size: size.map(UInt64.init), every: every.map(\.components.seconds), keep: keep,
            isCompressing: isCompressing, names: names)
    }
}

extension StreamMatch {
    /// Nil where there is none, or none that can be read, which is reported.
    fileprivate static func reading(_ output: TableReader) -> StreamMatch? {
        let table = output.table("match")
        guard output.has("match") else { return nil }
        let isEmpty = table.keys.allSatisfy { $0 == "meta" } && table.table("meta").keys.isEmpty
        if isEmpty { output.report("match", "expected at least one condition, as in host = \"web*\"") }
        var conditions: [Condition] = []
        let subjects: KeyValuePairs<String, Subject> = [
            "host": .host, "path": .path, "svc": .service, "certificate": .certificate,
        ]
        // Each is asked for, so that all are known as keys.
        for (key, subject) in subjects {
            if let condition = condition(table, key, subject) { conditions.append(condition) }
        }
        let metadata = table.table("meta")
        for key in metadata.keys {
            if !StreamRequest.isKey(Array(key.utf8)) || StreamRequest.reservedKeys.contains(key) {
                metadata.report(key, "no stream can have this key")
            }
            if let condition = condition(metadata, key, .metadata(key)) { conditions.append(condition) }
        }
        metadata.finish()
        table.finish()
        return conditions.isEmpty ? nil : StreamMatch(conditions)
    }

    private static func condition(_ table: TableReader, _ key: String, _ subject: Subject) -> Condition? {
        let patterns = table.strings(key)
        guard !patterns.isEmpty else {
            if table.isEmptyList(key) { table.report(key, "expected at least one pattern") }
            return nil
        }
        guard let condition = Condition(subject, patterns) else {
            table.report(
                key, "'[' without ']', or a range that runs backwards, in \(quoted(patterns.joined(separator: " ")))")
            return nil
        }
        // The easy mistake: it would never match, and what was to be refused would be taken.
        for pattern in patterns where subject == .path && !pattern.hasPrefix("/") && !pattern.hasPrefix("**") {
            table.report(key, "source paths begin with '/': write \"**/\(pattern)\" in place of \(quoted(pattern))")
        }
        return condition
    }
}

extension TableReader {
    fileprivate func pathTemplate(_ key: String, _ text: String, directory: String) -> PathTemplate? {
        do throws(TemplateError) {
            let template = try PathTemplate(text)
            guard !template.isFixed, let fixed = template.fixedDirectory else { return template }
            // What clients choose is resolved beneath the directory alone, where no link leads out.
            let base = SourcePath(directory).normalized
            guard fixed == base || fixed.bytes.starts(with: base.bytes + [UInt8(ascii: "/")]) else {
                report(key, "with fields it has to lie in 'directory' (\(directory)), got \(quoted(text))")
                return nil
            }
            return template
        } catch {
            report(key, "\(error), in \(quoted(text))")
            return nil
        }
    }

    fileprivate func linePrefix(_ key: String) -> LinePrefix? {
        guard let text = string(key), !text.isEmpty else { return nil }
        do throws(TemplateError) {
            return try LinePrefix(text)
        } catch {
            report(key, "\(error), in \(quoted(text))")
            return nil
        }
    }

    fileprivate func mode(_ key: String) -> UInt32 {
        let text = text(key)
        guard let mode = UInt32(text, radix: 8), mode <= 0o777, text.utf8.count <= 4,
            text.utf8.first != UInt8(ascii: "+")
        else {
            report(key, "expected octal permission bits such as \"0640\", got \(quoted(text))")
            return 0
        }
        return mode
    }

    fileprivate func owner(_ key: String) -> FileOwner? {
        guard let text = string(key) else { return nil }
        guard let owner = FileOwner(names: text) else {
            report(key, "expected \"user:group\" of this system, got \(quoted(text))")
            return nil
        }
        return owner
    }
}
