import HamsterStatus

/// The answer of a program that is asked for its status. What is understood is written in one line and understood again as
/// the same.
struct StatusDocumentTarget: FuzzTarget {
    let seeds = [
        #"{"streams":[{"host":"web1","offset":9223372036854775807,"paused":false}],"errors":null}"#,
        #" [ "\u00e9\ud83d\ude00\n\"\\\/", -1, true, [] , {} ] "#, String(repeating: "[", count: 40),
    ].map { Array($0.utf8) }

    func check(_ input: [UInt8]) throws {
        guard let document = JSON(parsing: input) else { return }
        let encoded = document.encoded
        try demand(encoded.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "not one line")
        let again = JSON(parsing: encoded)
        try demand(again == document, "read again it is \(String(describing: again)), not \(document)")
    }
}
