import HamsterStatus
import Testing

@Suite struct JSONTests {
    @Test func `what is written is read again`() {
        let value = JSON.object([
            .init("a", .array([.integer(-1), .integer(.max), .bool(true), .bool(false), .null])),
            .init("quotes \" \\ and controls \n\u{1}\u{9B}", .string("ä 🐹 \u{7F}")), .init("empty", .object([])),
        ])

        #expect(JSON(parsing: value.encoded) == value)
        #expect(
            String(decoding: value.encoded, as: UTF8.self)
                == #"{"a":[-1,9223372036854775807,true,false,null],"#
                + #""quotes \" \\ and controls \u000a\u0001\u009b":"ä 🐹 \u007f","empty":{}}"#)
    }

    @Test func `others' spaces and escapes are understood`() {
        let text = #" { "a" : [ 1 , "\ud83d\udc39\/\t" ] , "b" : { } } "#

        let value = JSON(parsing: Array(text.utf8))
        #expect(value?["a"]?.elements == [.integer(1), .string("🐹/\t")])
        #expect(value?["b"] == .object([]))
        #expect(value?["c"] == nil)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\"}", "{\"a\":}", "nul", "1.5", "\"\\x\"", "\"\\ud83d\"", "\"\n\"", "1 2", "-", "\"open",
        String(repeating: "[", count: 100_000),
    ])
    func `what is no document of ours is refused`(text: String) {
        #expect(JSON(parsing: Array(text.utf8)) == nil)
    }

    @Test func `a number that does not fit becomes the largest`() {
        #expect(JSON.number(UInt64.max) == .integer(.max))
    }
}
