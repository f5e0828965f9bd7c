/// Lines that look like a log's: the same for the same seed, so that a failure can be seen again.
package func logText(bytes count: Int, seed: UInt64 = 1) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(count + 200)
    var state = seed
    var line = 0
    while text.count < count {
        // The linear congruential generator of Numerical Recipes; enough for test data.
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        line += 1
        text +=
            "2026-01-01T00:00:00Z host app[\(state >> 50)]: line \(line) of \(seed), value \(String(state, radix: 16))\n"
            .utf8
    }
    return Array(text.prefix(count))
}
