/// What a scraper has said that it understands (RFC 9110, section 12.5).
enum ContentNegotiation {
    /// OpenMetrics where it is asked for and wanted no less than text.
    static func format(accept: [String]) -> Exposition.Format {
        var best: [Exposition.Format: Double] = [:]
        for choice in choices(accept) {
            guard let format = format(choice) else { continue }
            best[format] = max(best[format] ?? 0, choice.weight)
        }
        let openMetrics = best[.openMetrics] ?? 0
        return openMetrics > 0 && openMetrics >= best[.text] ?? 0 ? .openMetrics : .text
    }

    static func wantsGzip(acceptEncoding: [String]) -> Bool {
        let choices = choices(acceptEncoding)
        let gzip = choices.first { $0.name == "gzip" } ?? choices.first { $0.name == "*" }
        return gzip.map { $0.weight > 0 } ?? false
    }

    private struct Choice {
        var name: String
        var weight = 1.0
        var version: String?
    }

    /// Nil: another format or version of it.
    private static func format(_ choice: Choice) -> Exposition.Format? {
        switch (choice.name, choice.version) {
        case ("application/openmetrics-text", nil), ("application/openmetrics-text", "1.0.0"): .openMetrics
        case ("text/plain", nil), ("text/plain", "0.0.4"), ("text/*", nil), ("*/*", nil): .text
        default: nil
        }
    }

    private static func choices(_ headers: [String]) -> [Choice] {
        headers.flatMap { $0.split(separator: ",") }.compactMap { element in
            let parts = element.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard let name = parts.first else { return nil }
            var choice = Choice(name: name)
            for part in parts.dropFirst() {
                if part.hasPrefix("q=") { choice.weight = Double(part.dropFirst(2)) ?? 0 }
                if part.hasPrefix("version=") {
                    choice.version = part.dropFirst("version=".count).filter { $0 != "\"" }
                }
            }
            return choice
        }
    }
}
