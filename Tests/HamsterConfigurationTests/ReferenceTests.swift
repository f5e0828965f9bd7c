import Foundation
import HamsterReference
import HamsterTesting
import Testing

@testable import HamsterConfiguration

/// The reference says what the reader does, since both go by the same tables.
@Suite struct ReferenceTests {
    @Test func `the document and the manual page are those of the tables`() throws {
        for (path, text) in try Reference.files(in: Repository.root) {
            let committed = try String(contentsOfFile: "\(Repository.root)/\(path)", encoding: .utf8)
            #expect(committed == text, "\(path): swift run configuration-reference makes it anew")
        }
    }

    @Test func `man has nothing to say about the manual page`() async throws {
        let scratch = try ScratchDirectory()
        let man = try ChildProcess(
            "/usr/bin/man", ["--warnings", "-l", "\(Repository.root)/\(Reference.manual)"], in: scratch,
            environment: ["MANWIDTH": "100", "LC_ALL": "C.UTF-8", "MANROFFSEQ": ""])

        #expect(try await man.exitCode() == 0)
        #expect(man.errors == "")
        #expect(man.output.contains("max_connections") && man.output.contains("Default: \"commit\""))
    }

    @Test(arguments: [ReferenceTable.all(of: "c", .client), ReferenceTable.all(of: "d", .server)])
    func `every key has a meaning, a value and a name of its own`(tables: [ReferenceTable]) {
        #expect(tables.count > 4)
        for table in tables {
            #expect(Set(table.keys.map(\.name)).count == table.keys.count, "\(table.name)")
            for key in table.keys {
                #expect(
                    !key.meaning.isEmpty && !key.meaning.hasSuffix(".") && !key.meaning.contains("|"), "\(key.name)")
                #expect(!key.syntax.isEmpty && !key.defaultText.isEmpty, "\(key.name)")
            }
        }
    }

    @Test func `a default that is described is one that could be written`() throws {
        for table in [KeyTable.client, .server].flatMap(Self.all) {
            for key in table.keys {
                switch key.form {
                case .integer(let range, let value?), .size(let range, let value?): #expect(range.contains(value))
                case .duration(let range, let value?): #expect(range.contains(value))
                case .choice(let names, let value?): #expect(names.contains(value))
                default: break
                }
            }
        }
    }

    /// Reading a table asserts that each of its keys was asked for, and nothing else: here every table is there.
    @Test func `every key that is described is read, and the other way round`() throws {
        let tls = "cert = \"c\"\nkey = \"k\"\nclient_ca = \"ca\"\n"
        let server = try serverSettings(
            """
            [tls]
            \(tls)allow = [{ certificate = "r", hosts = ["web*"] }]
            [prometheus]
            enabled = true
            [prometheus.tls]
            \(tls)
            [output.a]
            path = "{host}/a.log"
            match = { host = "web*", meta = { env = "prod" } }
            rotate = { size = "1 GiB", keep = 3 }
            """)
        let client = try clientSettings(
            """
            [target]
            hosts = ["log:1"]
            [[input]]
            path = "a.log"
            meta = { env = "prod" }
            [prometheus]
            enabled = true
            [prometheus.tls]
            \(tls)
            """)
        for (tables, text) in [
            (ReferenceTable.all(of: "loghamsterd", .server), server.text),
            (ReferenceTable.all(of: "loghamsterc", .client), client.text),
        ] {
            let scalars = tables.flatMap(\.keys).filter { $0.form.isScalar }.map(\.name)
            for name in scalars { #expect(text.contains("\(name) = ") || text.contains("# \(name): none"), "\(name)") }
        }
    }

    private static func all(_ table: KeyTable) -> [KeyTable] {
        [table] + table.keys.compactMap { table.below($0.name) }.flatMap(all)
    }
}

extension KeyForm {
    fileprivate var isScalar: Bool {
        switch self {
        case .table, .tables, .namedTables, .freeTable: false
        default: true
        }
    }
}
