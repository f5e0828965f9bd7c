package import HamsterStatus

extension JSON {
    /// What a member says, in a word; `-` where there is none.
    package func word(_ name: String) -> String { self[name]?.text ?? TextTable.nothing }

    /// A member that is a number; 0 where there is none.
    package func number(_ name: String) -> Int {
        if case .integer(let value) = self[name] { value } else { 0 }
    }

    /// A member that is a number of bytes, for a table; `-` where there is none.
    package func size(_ name: String, _ presentation: Presentation) -> String {
        if case .integer(let value) = self[name] { presentation.size(value) } else { TextTable.nothing }
    }
}

extension Presentation {
    /// A number of bytes in a sentence: for programs exact, and with its unit.
    package func bytes(_ count: Int) -> String { isForPeople ? size(count) : "\(count) bytes" }
}
