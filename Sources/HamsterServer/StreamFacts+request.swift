internal import Glibc
internal import HamsterProtocol
internal import HamsterRouting
internal import HamsterTLS

extension StreamFacts {
    /// What a client asks for, what its certificate proves, and when, in Unix seconds.
    init(_ request: StreamRequest, _ identity: PeerIdentity?, streamID: String, at seconds: Int64) {
        self.init(
            source: request.source, service: request.service, metadata: request.metadata,
            certificateNames: identity?.dnsNames ?? [], streamID: streamID, date: Self.date(at: seconds))
    }

    /// The day in UTC.
    package static func date(at seconds: Int64) -> String {
        var time = time_t(seconds)
        var day = unsafe tm()
        unsafe gmtime_r(&time, &day)
        let digits = { (value: Int32) in value < 10 ? "0\(value)" : "\(value)" }
        return unsafe "\(day.tm_year + 1_900)-\(digits(day.tm_mon + 1))-\(digits(day.tm_mday))"
    }
}
