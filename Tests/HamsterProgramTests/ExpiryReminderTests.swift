import HamsterProgram
import HamsterTLS
import Testing

struct ExpiryReminderTests {
    private static let day: Int64 = 86_400
    private static let now: Int64 = 1_800_000_000

    /// One that ends so many days from now, and was issued for so many.
    private func credential(
        _ role: CredentialValidity.Role = .own, endsIn days: Int64, of life: Int64 = 365
    ) -> CredentialValidity {
        let end = Self.now + days * Self.day
        return CredentialValidity(
            role: role, path: "/etc/server.pem", name: "CN=log", notBefore: end - life * Self.day, notAfter: end)
    }

    /// The days left at each reminder, from so many days before the end until so many after it, looked at every hour.
    private func days(_ credential: CredentialValidity, until after: Int64 = -1) -> [Int64] {
        var reminder = ExpiryReminder()
        return stride(from: Self.now, through: credential.notAfter + after * Self.day, by: 3_600).flatMap { now in
            reminder.due([credential], at: now).map { $0.isExpired ? -1 : $0.daysLeft }
        }
    }

    @Test func `a year's certificate is spoken of 30, 7 and 1 days before its end, once each`() {
        #expect(days(credential(endsIn: 100)) == [30, 7, 1])
    }

    @Test func `after its end every day`() {
        #expect(days(credential(endsIn: 3), until: 2) == [3, 1, -1, -1, -1])
    }

    @Test func `at a start in its last days there is one reminder, not three`() {
        #expect(days(credential(endsIn: 5)) == [5, 1])
    }

    @Test(
        arguments: [(1, [0]), (7, [1]), (20, [1]), (30, [7, 1]), (90, [7, 1]), (120, [30, 7, 1])] as [(Int64, [Int64])])
    func `what lives for a short time is not spoken of before three quarters of it are over`(
        life: Int64, expected: [Int64]
    ) {
        #expect(days(credential(endsIn: life, of: life), until: 0).filter { $0 >= 0 } == expected)
    }

    @Test
    func `a revocation list that lives for a short time is spoken of in its last tenth, another one as a certificate`()
    {
        #expect(days(credential(.revocationList, endsIn: 100)) == [30, 7, 1])
        #expect(days(credential(.revocationList, endsIn: 30, of: 30)) == [1])
        #expect(days(credential(.revocationList, endsIn: 5, of: 5), until: 0) == [0, -1])
    }

    @Test func `a renewed certificate is a new one`() {
        var reminder = ExpiryReminder()
        #expect(reminder.due([credential(endsIn: 5)], at: Self.now).count == 1)
        #expect(reminder.due([credential(endsIn: 300)], at: Self.now) == [])
        #expect(reminder.due([credential(endsIn: 4)], at: Self.now).count == 1)
    }

    @Test func `a clock that jumps back repeats nothing`() {
        var reminder = ExpiryReminder()
        #expect(reminder.due([credential(endsIn: 5)], at: Self.now).count == 1)
        #expect(reminder.due([credential(endsIn: 5)], at: Self.now - 10 * Self.day) == [])
        #expect(reminder.due([credential(endsIn: 5)], at: Self.now) == [])
    }

    @Test func `two targets with one certificate are one reminder`() {
        var reminder = ExpiryReminder()
        #expect(reminder.due([credential(endsIn: 5), credential(endsIn: 5)], at: Self.now).count == 1)
    }

    @Test func `a list without an end never ends`() {
        var reminder = ExpiryReminder()
        let list = CredentialValidity(
            role: .revocationList, path: "crl", name: "CN=CA", notBefore: Self.now, notAfter: .max)
        #expect(reminder.due([list], at: Self.now) == [])
        #expect(reminder.due([list], at: -5) == [])
    }
}
