import HamsterCore
import Testing

@testable import HamsterStore

/// What files are called that were put aside, and in which order.
struct RotatedNameTests {
    private func name(_ text: String, of base: String = "app.log") -> RotatedName? {
        RotatedName(Array(text.utf8), of: Array(base.utf8))
    }

    @Test(arguments: [
        "app.log.1", "app.log.12.gz", "app.log-20240131T235959Z", "app.log-20240131T235959Z.gz",
        "app.log-20240131T235959Z-2", "app.log-20240131T235959Z-11.gz",
    ])
    func `a name is what it was made of`(text: String) throws {
        let parsed = try #require(name(text))

        #expect(String(decoding: parsed.bytes(of: Array("app.log".utf8)), as: UTF8.self) == text)
        #expect(RotatedName.base(of: Array(text.utf8)) == Array("app.log".utf8))
    }

    @Test(arguments: [
        "app.log", "app.log.", "app.log.0", "app.log.01", "app.log.1234567", "app.log.1.bz2", "app.log.x", "app.log.gz",
        "app.log-2024", "app.log-20240131T235959Z-1", "app.log-20240131T235959Z-", "app.log-20240131235959Z",
        "app.log.1.1", "app2.log.1", "xapp.log.1",
    ])
    func `other names are none`(text: String) {
        #expect(name(text) == nil)
    }

    @Test func `the unfinished file is known by its output`() {
        #expect(RotatedName.base(of: Array("app.log.gz.part".utf8)) == Array("app.log".utf8))
        #expect(RotatedName.base(of: Array("app.log".utf8)) == nil)
    }

    @Test func `files are in the order of their rotations`() throws {
        let oldestFirst = ["app.log.11", "app.log.2.gz", "app.log.1"]
        let datesOldestFirst = [
            "app.log-20231231T000000Z", "app.log-20240131T235959Z.gz", "app.log-20240131T235959Z-2",
            "app.log-20240131T235959Z-10",
        ]
        let labels = try (oldestFirst + datesOldestFirst).map { try #require(name($0)).label }

        #expect(labels.shuffled().sorted { $0.isOlder(than: $1, .dated) } == labels)
        let isNumberOlder = labels[0].isOlder(than: labels[3], .numbered)
        #expect(!isNumberOlder)
    }

    @Test func `a date is the time of the rotation in UTC`() {
        #expect(RotatedName.Label.date(at: 1_706_745_599).text == "-20240131T235959Z")
        #expect(RotatedName.Label.date(at: 1_709_164_800).next.text == "-20240229T000000Z-2")
    }
}

struct RotationPolicyTests {
    @Test(arguments: [
        (length: 99, since: 0, now: 10, isDue: false), (100, 0, 10, true), (1, 86_399, 86_400, true),
        (1, 86_400, 86_401, false), (1, 86_400, 172_799, false), (1, 86_400, 172_800, true), (0, 0, 999_999, false),
        (1, -1, 0, true),
    ])
    func `a file is due by its length, or when its period is over`(
        length: UInt64, since: Int64, now: Int64, isDue: Bool
    ) {
        let policy = RotationPolicy(size: 100, every: 86_400)

        #expect(policy.isDue(length: length, since: since, now: now) == isDue)
    }

    @Test func `what is not asked for is never due`() {
        #expect(!RotationPolicy(size: 5).isDue(length: 4, since: 0, now: .max))
        #expect(!RotationPolicy(every: 60).isDue(length: .max, since: nil, now: .max))
        #expect(RotationPolicy(every: 60).periodEnd(after: .max) == nil)
    }
}
