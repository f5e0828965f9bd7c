/// Where a table stands in a file.
struct TablePlace: Hashable {
    /// What a key's full name begins with, as in `input[0].meta.`; empty for the root.
    private(set) var prefix = ""
    /// As in `[input.meta]` or `[[input]]`; empty for the root.
    private(set) var heading = ""
    /// The names alone, as in `input.meta.`
    private var names = ""

    static let root = TablePlace()

    func table(_ key: String) -> TablePlace {
        TablePlace(
            prefix: "\(prefix)\(keyText(key)).", heading: "[\(names)\(keyText(key))]", names: "\(names)\(keyText(key))."
        )
    }

    func element(_ key: String, _ index: Int) -> TablePlace {
        TablePlace(
            prefix: "\(prefix)\(keyText(key))[\(index)].", heading: "[[\(names)\(keyText(key))]]",
            names: "\(names)\(keyText(key)).")
    }
}
