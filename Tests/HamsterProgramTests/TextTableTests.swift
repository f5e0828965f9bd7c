import Testing

@testable import HamsterProgram

@Suite struct TextTableTests {
    @Test func `columns are as wide as their widest cell, and what a stranger chose stays in its cell`() {
        var table = TextTable([.init("A"), .init("LONG"), .init("END")], .plain)
        table.add([.init("x\nforged\u{1B}[2J"), .init("1"), .init("\u{202E}no")])

        #expect(table.text == "A                      LONG  END\nx\\u{a}forged\\u{1b}[2J  1     \\u{202e}no\n")
    }

    @Test func `programs get every column whole, whatever it holds`() {
        var table = Self.files(.plain)
        table.add([.init("retrying", .warning), .init("5"), .init("/var/log/\(Self.long)/app.log"), .init("-", .error)])

        #expect(
            table.text == """
                STATE     SIZE  PATH                                                         LAST ERROR
                retrying  5     /var/log/\(Self.long)/app.log  -

                """)
    }

    @Test func `a terminal gets numbers at the right, styles, and no column that says nothing`() {
        var table = Self.files(.terminal(width: 40, hasStyles: true))
        table.add([.init("retrying", .warning), .init("5"), .init("/a"), .init("-", .error)])
        table.add([.init("streaming", .good), .init("1234"), .init("/b"), .init("", .error)])

        #expect(
            table.text == """
                \u{1B}[1mSTATE\u{1B}[0m      \u{1B}[1mSIZE\u{1B}[0m  \u{1B}[1mPATH\u{1B}[0m
                \u{1B}[33mretrying\u{1B}[0m      5  /a
                \u{1B}[32mstreaming\u{1B}[0m  1234  /b

                """)
    }

    @Test func `paths lose their middle and errors their end until the table fits`() {
        var table = Self.files(.terminal(width: 60, hasStyles: false))
        table.add([
            .init("ok"), .init("5"), .init("/var/log/\(Self.long)/app.log"), .init("connection refused by the server"),
        ])

        #expect(
            table.text == """
                STATE  SIZE  PATH                    LAST ERROR
                ok        5  /var/lo…zzzzzz/app.log  connection refused by …

                """)
    }

    @Test(arguments: 1...80) func `no line is longer than the terminal, and none is lost`(width: Int) {
        var table = Self.files(.terminal(width: width, hasStyles: false))
        table.add([.init("ok"), .init("5"), .init("/日本/\(Self.long)/app.log"), .init("connection refused")])
        let lines = table.text.split(separator: "\n", omittingEmptySubsequences: false)

        #expect(lines.count == 3)
        #expect(lines.allSatisfy { PrintedText.width(String($0)) <= width }, "\(table.text)")
    }

    @Test func `without rows there is no table`() {
        #expect(Self.files(.plain).text == "")
    }

    private static let long = String(repeating: "z", count: 42)

    private static func files(_ presentation: Presentation) -> TextTable {
        TextTable(
            [
                .init("STATE"), .init("SIZE", isNumber: true), .init("PATH", fitting: .middle),
                .init("LAST ERROR", fitting: .end, isOptional: true),
            ], presentation)
    }
}

@Suite struct FactLineTests {
    @Test func `facts stand in one line for programs`() {
        #expect(Self.line(.plain).text == "loghamsterc 0.1.0, files 3, lost 7 bytes\n")
    }

    @Test func `values are styled, and what doesn't fit goes to the next line`() {
        #expect(
            Self.line(.terminal(width: 80, hasStyles: true)).text
                == "\u{1B}[1mloghamsterc 0.1.0\u{1B}[0m, files 3, lost \u{1B}[31m7 bytes\u{1B}[0m\n")
        #expect(
            Self.line(.terminal(width: 27, hasStyles: false)).text
                == "loghamsterc 0.1.0, files 3,\nlost 7 bytes\n")
    }

    @Test(arguments: 1...40) func `no line is longer than the terminal`(width: Int) {
        let lines = Self.line(.terminal(width: width, hasStyles: false)).text.split(separator: "\n")
        #expect(lines.allSatisfy { PrintedText.width(String($0)) <= width }, "\(lines)")
    }

    @Test func `what a stranger chose can't drive the terminal`() {
        var line = FactLine(.terminal(width: 80, hasStyles: true))
        line.add("target", "\u{1B}[2J\n")
        #expect(line.text == "target \\u{1b}[2J\\u{a}\n")
    }

    private static func line(_ presentation: Presentation) -> FactLine {
        var line = FactLine(presentation)
        line.add("", "loghamsterc 0.1.0", .heading)
        line.add("files", "3")
        line.add("lost", "7 bytes", .error)
        return line
    }
}

@Suite struct PrintedTextTests {
    @Test(arguments: [
        ("/var/log/app.log", 16, "/var/log/app.log"), ("/var/log/app.log", 12, "/va…/app.log"),
        ("/var/log/app.log", 3, "…og"), ("/var/log/app.log", 2, "/…"), ("/var/log/app.log", 1, "…"),
        ("/var/log/app.log", 0, ""), ("日本語日本語", 7, "日…本語"),
    ])
    func `the middle is cut to the columns that there are`(text: String, width: Int, cut: String) {
        #expect(PrintedText.cuttingMiddle(text, to: width) == cut)
        #expect(PrintedText.width(cut) <= max(width, 0))
    }

    @Test(arguments: [("refused", 7, "refused"), ("refused", 6, "refus…"), ("日本語", 4, "日…"), ("x", 0, "")])
    func `the end is cut to the columns that there are`(text: String, width: Int, cut: String) {
        #expect(PrintedText.cuttingEnd(text, to: width) == cut)
    }

    @Test(arguments: [("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("🐹", 2), ("ｱ", 1), ("한", 2)])
    func `wide characters take two columns, and marks none`(text: String, width: Int) {
        #expect(PrintedText.width(text) == width)
    }

    @Test(arguments: [
        (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (100_000, "97.7 KiB"), (1 << 20 - 1, "1024.0 KiB"),
        (1 << 20, "1.0 MiB"), (5 << 30, "5.0 GiB"), (Int.max, "8388608.0 TiB"),
    ])
    func `sizes have a unit and a tenth`(bytes: Int, text: String) {
        #expect(ByteSize.text(bytes) == text)
    }
}
