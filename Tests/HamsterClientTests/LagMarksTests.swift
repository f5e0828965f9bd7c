import Testing

@testable import HamsterClient

struct LagMarksTests {
    @Test func `what is acknowledged has no age`() {
        var marks = LagMarks()

        #expect(marks.look(size: 0, acknowledged: 0, modified: 0, now: 100) == 0)
        #expect(marks.look(size: 10, acknowledged: 10, modified: 99, now: 100) == 0)
    }

    @Test func `what was there before the first look is as old as the file's last byte at least`() {
        var marks = LagMarks()

        #expect(marks.look(size: 10, acknowledged: 0, modified: 40, now: 100) == 60)
        #expect(marks.look(size: 10, acknowledged: 5, modified: 40, now: 110) == 70)
    }

    @Test func `a byte's age begins when it was not there yet`() {
        var marks = LagMarks()
        _ = marks.look(size: 10, acknowledged: 10, modified: 100, now: 100)

        #expect(marks.look(size: 20, acknowledged: 10, modified: 101, now: 101) == 1)
        #expect(marks.look(size: 30, acknowledged: 10, modified: 105, now: 105) == 5)
        // What was written by 101 is acknowledged; the rest came after that.
        #expect(marks.look(size: 30, acknowledged: 20, modified: 105, now: 106) == 5)
        #expect(marks.look(size: 30, acknowledged: 30, modified: 105, now: 107) == 0)
    }

    @Test func `a file that is written to all the time is not behind because of that`() {
        var marks = LagMarks()
        var oldest: Int64 = 0
        for second in Int64(0)..<1_000 {
            let before = UInt64(second) * 10
            let age = marks.look(size: before + 10, acknowledged: before, modified: second, now: second)
            oldest = max(oldest, age)
        }

        #expect(oldest <= 2)
    }

    @Test func `hours without an acknowledgement are told, and so is what comes after`() {
        var marks = LagMarks()
        _ = marks.look(size: 0, acknowledged: 0, modified: 0, now: 0)
        var age: Int64 = 0
        for second in 1...10_000 {
            age = marks.look(size: UInt64(second), acknowledged: 0, modified: Int64(second), now: Int64(second))
        }

        #expect(age == 10_000)
        let half = marks.look(size: 10_000, acknowledged: 5_000, modified: 10_000, now: 10_000)
        #expect((5_000...10_000).contains(half))
    }

    @Test func `content that begins anew has no age from before`() {
        var marks = LagMarks()
        _ = marks.look(size: 100, acknowledged: 100, modified: 10, now: 10)

        #expect(marks.look(size: 50, acknowledged: 0, modified: 500, now: 501) == 1)
    }
}
