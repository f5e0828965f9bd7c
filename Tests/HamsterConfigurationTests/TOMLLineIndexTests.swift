import Testing

@testable import HamsterConfiguration

struct TOMLLineIndexTests {
    static let text = #"""
        # a = 1
        first = [
          "x = 1", # [not.a.table]
          "[also.not]",
        ]
        "quoted" = 'a # b'
        "with space" = 1
        text = """
        inside = 1
        [inside]
        \""" still
        """
        literal = '''
        within = 2 \'''
          indented   =   1
        tls.enabled = true
        [ output . nginx ] # comment
        path = "a"
        [output."b.c"]
        path = "b"
        [[input]]
        path = "c"
        [input.meta]
        env = "d"
        [[input]]
        path = "e"
        inline = { a = 1, b = [
          2 ] }
        last = 1
        """#

    @Test(arguments: [
        ("first", 2), ("\"quoted\"", nil), ("quoted", 6), ("\"with space\"", 7), ("text", 8), ("literal", 13),
        ("indented", 15), ("tls.enabled", 16), ("output.nginx", 17), ("output.nginx.path", 18),
        ("output.\"b.c\"", 19), ("output.\"b.c\".path", 20), ("input", 21), ("input[0]", 21), ("input[0].path", 22),
        ("input[0].meta", 23), ("input[0].meta.env", 24), ("input[1]", 25), ("input[1].path", 26),
        ("input[1].inline", 27), ("input[1].last", 29), ("a", nil), ("within", nil), ("inside", nil), ("x", nil),
        ("b", nil),
    ])
    func `a key's line is found`(key: String, line: Int?) {
        #expect(TOMLLineIndex(Self.text).line(of: key) == line)
    }

    @Test(arguments: [
        ("input[1].missing", 25), ("input[1].inline.a", 27), ("output.nginx.mode", 17), ("tls.cert", nil),
        ("input[0].meta.other", 23), ("input[1].meta.x", 25),
    ])
    func `for a key that is not there the table around it counts`(key: String, line: Int?) {
        #expect(TOMLLineIndex(Self.text).line(of: key) == line)
    }

    @Test func `lines may end in CR LF`() {
        let text = Self.text.replacing("\n", with: "\r\n")
        #expect(TOMLLineIndex(text).line(of: "input[1].last") == 29)
        #expect(TOMLLineIndex(text).line(of: "input[0].meta.env") == 24)
    }
}
