import Testing

@testable import HamsterStore

struct OutputPaceTests {
    @Test func `a slow write stalls the output until sixteen quick ones have passed`() {
        let pace = OutputPace()
        #expect(!pace.isStalled)

        pace.note(.milliseconds(6))
        for _ in 0..<15 { pace.note(.milliseconds(1)) }
        #expect(pace.isStalled)
        pace.note(.milliseconds(1))
        #expect(!pace.isStalled)
    }

    @Test func `a slow write in between starts the count anew`() {
        let pace = OutputPace()
        pace.note(.milliseconds(6))
        for _ in 0..<15 { pace.note(.zero) }
        pace.note(.seconds(1))
        for _ in 0..<15 { pace.note(.zero) }
        #expect(pace.isStalled)
    }
}
