import HamsterFiles
import HamsterTail
import Testing

struct RotationRuleTests {
    static let second: Int64 = 1_000_000_000

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var rotated: Int64
        var modified: Int64
        var hasWriter: Bool?
        var remaining: Int

        init(_ name: String, rotated: Int64, modified: Int64, hasWriter: Bool?, remaining: Int) {
            testDescription = name
            (self.rotated, self.modified, self.hasWriter, self.remaining) = (rotated, modified, hasWriter, remaining)
        }
    }

    /// In seconds; it is second 100, and the rule waits 5 seconds.
    static let rows = [
        Row("just rotated", rotated: 100, modified: 90, hasWriter: true, remaining: 5),
        Row("rotated a while ago", rotated: 97, modified: 90, hasWriter: true, remaining: 2),
        Row("quiet for long", rotated: 90, modified: 80, hasWriter: true, remaining: 0),
        Row("quiet for exactly as long", rotated: 95, modified: 95, hasWriter: true, remaining: 0),
        Row("written after the rotation", rotated: 90, modified: 99, hasWriter: true, remaining: 4),
        Row("the writer can't be found out", rotated: 98, modified: 90, hasWriter: nil, remaining: 3),
        Row("no writer any more", rotated: 100, modified: 100, hasWriter: false, remaining: 0),
        Row("modified in the future", rotated: 90, modified: 5_000, hasWriter: true, remaining: 5),
        Row("rotated in the future", rotated: 5_000, modified: 90, hasWriter: nil, remaining: 5),
    ]

    @Test(arguments: rows)
    func `a rotated file is complete without a writer, or after a quiet time`(row: Row) {
        let observation = RotationRule.Observation(
            rotatedAt: FileTime(nanoseconds: row.rotated * Self.second),
            modified: FileTime(nanoseconds: row.modified * Self.second), hasWriter: row.hasWriter)
        let rule = RotationRule(rotateWait: .seconds(5))
        #expect(rule.remaining(observation, now: FileTime(nanoseconds: 100 * Self.second)) == .seconds(row.remaining))
    }

    @Test(arguments: [Int64.min, .max])
    func `the oddest times of a file don't trap`(time: Int64) {
        let odd = FileTime(nanoseconds: time)
        let observation = RotationRule.Observation(rotatedAt: odd, modified: odd, hasWriter: nil)
        let remaining = RotationRule(rotateWait: .seconds(5)).remaining(observation, now: FileTime(nanoseconds: 100))
        #expect(remaining == (time == .max ? .seconds(5) : .zero))
    }
}
