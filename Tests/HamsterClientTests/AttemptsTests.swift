import HamsterProtocol
import Testing

@testable import HamsterClient

/// What becomes of failures that follow each other.
struct AttemptsTests {
    private let lasting = ClientError.refused(Reply(.noOutput, "no rule takes it"))
    private let passing = ClientError.interrupted("the connection was closed")

    @Test func `a refusal that lasts is reported once, and again after another failure or a success`() {
        var attempts = Attempts(policy: RetryPolicy())

        let news = [lasting, lasting, lasting, passing, lasting].map { attempts.isNews($0) }
        attempts.succeeded()
        let newsAfterSuccess = attempts.isNews(lasting)

        #expect(news == [true, false, false, true, true])
        #expect(newsAfterSuccess)
    }

    @Test func `a refusal that lasts is retried slowly from the first time on`() throws {
        var attempts = Attempts(policy: RetryPolicy())
        attempts.begin()

        for _ in 1...20 {
            let delay = try attempts.failed(lasting, now: .now)
            #expect((.seconds(30)...(.seconds(60))).contains(delay))
        }
    }

    @Test func `what may mend is retried soon, and then more and more slowly`() throws {
        var attempts = Attempts(policy: RetryPolicy())

        for longest in [200, 400, 800] {
            let delay = try attempts.failed(passing, now: .now)
            #expect(delay <= .milliseconds(longest))
        }
        for _ in 1...20 {
            let delay = try attempts.failed(passing, now: .now)
            #expect(delay <= .seconds(30))
        }
    }

    @Test func `where a lasting refusal ends it, it does so at once`() {
        var policy = RetryPolicy()
        policy.isEndedByLastingRefusal = true
        var attempts = Attempts(policy: policy)

        let error = #expect(throws: ClientError.self) { _ = try attempts.failed(lasting, now: .now) }
        #expect(error?.isLasting ?? false)
    }
}
