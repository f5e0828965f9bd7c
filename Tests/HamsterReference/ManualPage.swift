internal import HamsterConfiguration

/// docs/man/loghamster.toml.5, for man(7).
package enum ManualPage {
    package static func text(client: [ReferenceTable], server: [ReferenceTable]) -> String {
        [
            head, section(of: "loghamsterc", client), section(of: "loghamsterd", server), foot,
        ].joined(separator: "\n")
    }

    private static let head = """
        .\\" Made by "swift run configuration-reference" of the tables in the sources: change those.
        .TH LOGHAMSTER.TOML 5 "" "Log Hamster" "File formats"
        .SH NAME
        loghamster.toml \\- configuration of loghamsterc and loghamsterd
        .SH SYNOPSIS
        .B loghamsterc \\-\\-config
        .I file
        .br
        .B loghamsterd \\-\\-config
        .I file
        .SH DESCRIPTION
        Both programs read one file in TOML 1.0. An unknown key, a wrong type or a value out of range is an error: all of
        them are reported in one run, a line each, and the exit code is 78.
        .B check
        looks at a file without doing anything with it.
        .PP
        The command line counts before the environment
        .RB ( LOGHAMSTER_ \\&...),
        the environment before the file, and the file before the default.
        .PP
        SIGHUP reads the file again. Keys with
        .I restart
        keep their old value until the next start.
        .SS Values
        .TP
        size
        "64 KiB", "10 MB", or a number of bytes
        .TP
        rate
        "10 MiB/s"
        .TP
        duration
        "200ms", "5s", "10m", "7d"
        .TP
        path
        absolute, or relative to the configuration file
        .TP
        address
        "0.0.0.0:7007", "[::]:7007"; port 0 takes a free one
        .TP
        pattern
        * and ? stay within one part of a path, ** crosses /, [a\\-z] and [!a\\-z] are classes
        """

    private static let foot = """
        .SH FILES
        .TP
        .I /etc/loghamster/client.toml
        of the service loghamsterc
        .TP
        .I /etc/loghamster/server.toml
        of the service loghamsterd
        .SH SEE ALSO
        .BR loghamsterc (1),
        .BR loghamsterd (1),
        docs/configuration.md

        """

    private static func section(of program: String, _ tables: [ReferenceTable]) -> String {
        ".SH KEYS OF \(program.uppercased())\n" + tables.map(text).joined(separator: "\n")
    }

    private static func text(_ table: ReferenceTable) -> String {
        let heading = table.heading.isEmpty ? "At the beginning of the file" : table.heading
        let keys = table.keys.map { key in
            // Each on a line of its own; without a full stop, which would look like a part of a value.
            """
            .TP
            .B \(key.name)
            \(roff(key.meaning))
            .br
            Value: \(roff(key.syntax)). Default: \(roff(key.defaultText))\(key.needsRestart ? ". \\fIrestart\\fR" : "")
            """
        }
        return (["\(".SS") \(roff(heading))"] + keys).joined(separator: "\n")
    }

    /// A line of Markdown: code becomes bold, and of links the text is left.
    static func roff(_ markdown: String) -> String {
        let text = markdown.replacing(/\[([^\]]*)\]\([^)]*\)/) { "\($0.output.1)" }
            .replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("…", with: "\\&...")
        let pieces = text.split(separator: "`", omittingEmptySubsequences: false).enumerated().map { index, piece in
            index.isMultiple(of: 2) ? String(piece) : "\\fB\(piece)\\fR"
        }
        let line = pieces.joined()
        // At the beginning of a line these are requests.
        return line.hasPrefix(".") || line.hasPrefix("'") ? "\\&" + line : line
    }
}
