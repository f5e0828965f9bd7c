import Testing

@testable import HamsterProgram

struct WorkAndRestTests {
    private func answers(_ times: [Duration]) -> [Bool] {
        var work = WorkAndRest()
        return times.map { work.hasComeToRest(at: $0) }
    }

    @Test func `a program that works is not at rest`() {
        #expect(answers([.seconds(1), .seconds(2), .seconds(9)]) == [false, false, false])
    }

    @Test func `rest begins once after work`() {
        #expect(answers([.seconds(3), .milliseconds(3_010), .milliseconds(3_020)]) == [false, true, false])
    }

    @Test func `what is done at rest adds up to work`() {
        let times = (1...4).map { Duration.milliseconds(40 * $0) }

        #expect(answers(times) == [false, false, true, false])
    }

    @Test func `a start without work is none`() {
        #expect(answers([.milliseconds(50), .milliseconds(60)]) == [false, false])
    }
}
