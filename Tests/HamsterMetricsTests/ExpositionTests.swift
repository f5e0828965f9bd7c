import Testing

@testable import HamsterMetrics

struct ExpositionTests {
    private let bytes = MetricDescription(.counter, "x_bytes_total", ["host"], help: #"Bytes of "hosts""#)

    @Test func `a counter is described and has a line a series`() {
        #expect(
            text { $0.add(bytes, [.init(["a"], 1), .init(["b"], 2)]) } == """
                # HELP x_bytes_total Bytes of "hosts"
                # TYPE x_bytes_total counter
                x_bytes_total{host="a"} 1
                x_bytes_total{host="b"} 2

                """)
    }

    @Test func `OpenMetrics names a counter without its ending, and has an end`() {
        #expect(
            text(.openMetrics) { $0.add(bytes, [.init(["a"], 1)]) } == #"""
                # HELP x_bytes Bytes of \"hosts\"
                # TYPE x_bytes counter
                x_bytes_total{host="a"} 1
                # EOF

                """#)
    }

    @Test func `backslashes, quotes and line ends in a label are escaped`() {
        let line = text { $0.add(bytes, [.init(["a\\b\"c\nd,é}"], 0)]) }.split(separator: "\n")[2]

        #expect(line == #"x_bytes_total{host="a\\b\"c\nd,é}"} 0"#)
    }

    @Test func `a line end in a description is escaped`() {
        let gauge = MetricDescription(.gauge, "g", help: "one\\two\nthree")

        #expect(text { $0.add(gauge, 0) }.hasPrefix(#"# HELP g one\\two\nthree"# + "\n"))
    }

    @Test func `a metric without series is described all the same`() {
        #expect(text { $0.add(bytes, []) }.split(separator: "\n").count == 2)
    }

    @Test(arguments: [
        (0, "0"), (-1, "-1"), (1_790_000_000, "1790000000"), (0.25, "0.25"),
        (9_007_199_254_740_991, "9007199254740991"),
        (9_007_199_254_740_992, "9007199254740992.0"), (1e300, "1e+300"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
        (.nan, "NaN"),
    ])
    func `numbers are written so that Go can read them`(value: Double, expected: String) {
        let gauge = MetricDescription(.gauge, "g", help: "")

        #expect(text { $0.add(gauge, value) }.hasSuffix("g \(expected)\n"))
    }

    @Test func `a histogram's buckets hold all that is below their bound`() {
        let histogram = Histogram("t_seconds", bounds: [0.1, 1], help: "Time")
        for milliseconds in [50, 100, 200, 5_000] { histogram.observe(.milliseconds(milliseconds)) }
        histogram.observe(.seconds(-1))

        #expect(
            text { $0.add(histogram) } == """
                # HELP t_seconds Time
                # TYPE t_seconds histogram
                t_seconds_bucket{le="0.1"} 3
                t_seconds_bucket{le="1"} 4
                t_seconds_bucket{le="+Inf"} 5
                t_seconds_sum 5.35
                t_seconds_count 5

                """)
        #expect(text(.openMetrics) { $0.add(histogram) }.contains(#"t_seconds_bucket{le="1.0"} 4"#))
    }

    private func text(_ format: Exposition.Format = .text, _ add: (inout Exposition) -> Void) -> String {
        var exposition = Exposition(format)
        add(&exposition)
        return String(decoding: exposition.finish(), as: UTF8.self)
    }
}

struct CounterFamilyTests {
    @Test func `series are in order, and those that are known begin with 0`() {
        let family = CounterFamily("x_total", ["result", "reason"], help: "", known: [["ok", ""]])
        family["failed", "b"].add(2)
        family["failed", "a"].add()

        #expect(family.samples.map(\.labels) == [["failed", "a"], ["failed", "b"], ["ok", ""]])
        #expect(family.samples.map(\.value) == [1, 2, 0])
    }

    @Test func `beyond its limit a family counts together`() {
        let family = CounterFamily("x_total", ["code"], help: "")
        for code in 0..<(CounterFamily.seriesMax + 5) { family["\(code)"].add() }

        #expect(family.samples.count == CounterFamily.seriesMax + 1)
        #expect(family.samples.first { $0.labels == ["_other"] }?.value == 5)
    }

    @Test func `no addition is lost among threads`() async {
        let family = CounterFamily("x_total", ["code"], help: "")
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { for _ in 0..<10_000 { family["a"].add() } } }
        }

        #expect(family.samples.map(\.value) == [80_000])
    }
}

struct RecentSeriesTests {
    @Test func `each name has its numbers`() {
        let hosts = RecentSeries()
        hosts.join("b").add(5, at: 100)
        hosts.join("a").add(1, at: 90)
        hosts.join("b").add(5, at: 110)

        #expect(
            hosts.snapshots == [.init(name: "a", bytes: 1, last: 90), .init(name: "b", bytes: 10, last: 110)])
    }

    @Test func `who was away for longest makes room, and its bytes stay counted`() {
        let hosts = RecentSeries(seriesMax: 2)
        for (name, time) in [("a", 1), ("b", 2)] {
            let series = hosts.join(name)
            series.add(10, at: Int64(time))
            hosts.leave(series)
        }
        hosts.leave(hosts.join("a"))
        hosts.join("c").add(1, at: 3)

        #expect(hosts.snapshots.map(\.name) == ["a", "c", "_other"])
        #expect(hosts.snapshots.last == .init(name: "_other", bytes: 10, last: 2))
    }

    @Test func `who is at work keeps its series, and a newcomer counts with the rest`() {
        let hosts = RecentSeries(seriesMax: 1)
        let first = hosts.join("a")
        let second = hosts.join("b")
        second.add(7, at: 5)
        hosts.leave(second)
        first.add(1, at: 6)

        #expect(hosts.snapshots == [.init(name: "a", bytes: 1, last: 6), .init(name: "_other", bytes: 7, last: 5)])
        hosts.leave(first)
        hosts.join("b").add(1, at: 7)
        #expect(hosts.snapshots.map(\.name) == ["b", "_other"])
    }
}

struct OffsetCounterTests {
    @Test func `what lies behind the beginning counts, and what comes again counts again`() {
        let counter = Counter()
        let offset = OffsetCounter(counter)
        offset.advance(to: 5)
        #expect(counter.value == 0)
        offset.begin(at: 100)
        for place in [100, 110, 110, 130] { offset.advance(to: UInt64(place)) }
        #expect(counter.value == 30)
        offset.advance(to: 120)
        offset.advance(to: 130)
        #expect(counter.value == 40)
    }
}
