import Testing

@testable import HamsterConfiguration

struct QuantityTests {
    @Test(arguments: [
        ("0", 0), ("10", 10), ("10B", 10), ("64 KiB", 65_536), ("64KiB", 65_536), ("1 kB", 1_000), ("1 KB", 1_000),
        ("10 MB", 10_000_000), ("1  MiB", 1 << 20), ("2 GiB", 2 << 30), ("1 GB", 1_000_000_000),
    ])
    func `a size is a number and a unit`(text: String, size: Int) {
        #expect(Quantity.size(text) == size)
    }

    @Test(arguments: [
        "", "KiB", "-1", "+1", "1.5 KiB", "1 kib", "1 KiB/s", " 1", "1\tKiB", "٣", "9223372036854775808",
        "9999999999 GiB", "1 Ki", "0x10",
    ])
    func `anything else is no size`(text: String) {
        #expect(Quantity.size(text) == nil)
    }

    @Test(arguments: [
        ("0s", 0), ("200ms", 200), ("5s", 5_000), ("5 s", 5_000), ("10m", 600_000), ("1h", 3_600_000),
        ("7d", 604_800_000),
    ])
    func `a duration is a number and a unit`(text: String, milliseconds: Int) {
        #expect(Quantity.duration(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: ["", "5", "s", "5 sec", "5S", "-5s", "1.5s", "1m30s", "999999999999999999d"])
    func `anything else is no duration`(text: String) {
        #expect(Quantity.duration(text) == nil)
    }

    @Test(arguments: [
        (0, "0 B"), (1, "1 B"), (1_023, "1023 B"), (1_024, "1 KiB"), (1_000_000, "1000000 B"), (1 << 20, "1 MiB"),
        (3 << 30, "3 GiB"), ((1 << 30) + 1, "1073741825 B"),
    ])
    func `a size's text is short and means the same`(size: Int, text: String) {
        #expect(Quantity.text(size: size) == text)
        #expect(Quantity.size(text) == size)
    }

    @Test(arguments: [
        (0, "0s"), (1, "1ms"), (1_500, "1500ms"), (60_000, "1m"), (90_000, "90s"), (86_400_000, "1d"),
        (90_000_000, "25h"),
    ])
    func `a duration's text is short and means the same`(milliseconds: Int, text: String) {
        #expect(Quantity.text(duration: .milliseconds(milliseconds)) == text)
        #expect(Quantity.duration(text) == .milliseconds(milliseconds))
    }
}
