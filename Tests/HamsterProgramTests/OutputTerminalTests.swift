import Testing

@testable import HamsterProgram

@Suite struct OutputTerminalTests {
    @Test(arguments: [
        (true, ["TERM": "xterm"], true), (true, ["TERM": "xterm", "NO_COLOR": ""], true),
        (true, ["TERM": "xterm", "NO_COLOR": "1"], false), (true, ["TERM": "xterm", "NO_COLOR": "0"], false),
        (true, ["TERM": "dumb"], false), (true, ["TERM": ""], false), (true, [:], false),
        (false, ["TERM": "xterm"], false),
    ])
    func `colours are for terminals that have some, unless NO_COLOR says something`(
        isTerminal: Bool, environment: [String: String], hasStyles: Bool
    ) {
        #expect(OutputTerminal(isTerminal: isTerminal, environment: environment).hasStyles == hasStyles)
    }

    @Test func `what is no terminal gets plain text, whatever its environment says`() {
        let terminal = OutputTerminal(isTerminal: false, environment: ["TERM": "xterm", "COLUMNS": "40"])
        #expect(terminal.presentation == .plain)
        #expect(!terminal.canRedraw)
    }

    @Test func `NO_COLOR takes the colours and nothing else`() {
        let terminal = OutputTerminal(isTerminal: true, environment: ["TERM": "xterm", "NO_COLOR": "1"])
        #expect(terminal.canRedraw)
        #expect(terminal.presentation.isForPeople && terminal.presentation.width != nil)
    }
}
