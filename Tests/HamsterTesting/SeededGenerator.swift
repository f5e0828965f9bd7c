/// Random numbers that are the same for the same seed, so that a failure can be seen again (SplitMix64).
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    package mutating func bool() -> Bool { Bool.random(using: &self) }

    package mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// One of `choices`, of which there must be some.
    package mutating func pick<Element>(_ choices: [Element]) -> Element { choices[int(0...choices.count - 1)] }

    /// Bytes of an alphabet, which must not be empty.
    package mutating func bytes(_ count: ClosedRange<Int>, of alphabet: some Sequence<UInt8>) -> [UInt8] {
        let alphabet = Array(alphabet)
        return (0..<int(count)).map { _ in pick(alphabet) }
    }

    package mutating func text(_ count: ClosedRange<Int>, of alphabet: String) -> String {
        let characters = Array(alphabet)
        return String((0..<int(count)).map { _ in pick(characters) })
    }
}
