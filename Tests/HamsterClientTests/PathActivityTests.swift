import Testing

@testable import HamsterClient

@Suite struct PathActivityTests {
    @Test func `who rests is started by the next change, once`() {
        let activity = PathActivity()
        #expect(activity.rest())
        #expect(activity.resume())
        #expect(!activity.resume())
    }

    @Test func `a change during the work is not slept through`() {
        let activity = PathActivity()
        #expect(!activity.resume())
        #expect(!activity.rest())
        #expect(activity.rest())
    }

    @Test func `what has ended is not started again`() async {
        let activity = PathActivity()
        #expect(!activity.hasEnded)
        activity.end()
        #expect(activity.hasEnded)
        #expect(!activity.resume())
        await activity.waitForEnd()
    }
}
