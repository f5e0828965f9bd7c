import Testing

@testable import HamsterMetrics

struct ContentNegotiationTests {
    @Test(arguments: [
        ("", Exposition.Format.text), ("*/*", .text), ("text/plain", .text), ("application/json", .text),
        ("application/openmetrics-text", .openMetrics), ("application/openmetrics-text;version=1.0.0", .openMetrics),
        ("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", .openMetrics),
        ("application/openmetrics-text;version=0.0.1", .text), ("application/openmetrics-text;q=0", .text),
        ("text/plain;q=0.9,application/openmetrics-text;q=0.5", .text),
        // As Prometheus 2 and 3 ask.
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,"
                + "*/*;q=0.2", .openMetrics
        ),
    ])
    func `OpenMetrics is for those who prefer it`(accept: String, expected: Exposition.Format) {
        #expect(ContentNegotiation.format(accept: accept.isEmpty ? [] : [accept]) == expected)
    }

    @Test(arguments: [
        ("", false), ("gzip", true), ("deflate, GZIP;q=0.5", true), ("gzip;q=0", false), ("identity", false),
        ("*", true), ("gzip;q=0, *", false), ("gzip;q=nonsense", false),
    ])
    func `compression is for those who ask for it`(header: String, expected: Bool) {
        #expect(ContentNegotiation.wantsGzip(acceptEncoding: header.isEmpty ? [] : [header]) == expected)
    }
}
