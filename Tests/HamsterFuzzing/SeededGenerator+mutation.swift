package import HamsterTesting

extension SeededGenerator {
    /// One of the seeds, changed in one to eight places: the mutations of the tests, which need no libFuzzer and are the
    /// same everywhere.
    package mutating func mutation(of seeds: [[UInt8]], bytesMax: Int = 4_096) -> [UInt8] {
        var bytes = pick(seeds)
        for _ in 0..<int(1...8) { mutate(&bytes, seeds) }
        return Array(bytes.prefix(bytesMax))
    }

    private mutating func mutate(_ bytes: inout [UInt8], _ seeds: [[UInt8]]) {
        let place = int(0...bytes.count)
        switch int(0...8) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(int(0...7))
        case 1 where place < bytes.count: bytes[place] = UInt8(int(0...255))
        case 2 where place < bytes.count: bytes[place] = pick([0, 1, 0x7F, 0x80, 0xFF, 0x0A, 0x25, 0x20, 0x22])
        case 3: bytes.insert(UInt8(int(0...255)), at: place)
        case 4: bytes.removeSubrange(range(from: place, in: bytes))
        case 5: bytes.insert(contentsOf: bytes[range(from: int(0...bytes.count), in: bytes)], at: place)
        case 6: bytes.removeSubrange(place...)
        case 7:
            let other = pick(seeds)
            bytes.replaceSubrange(place..., with: other[int(0...other.count)...])
        default:
            let run = [UInt8](repeating: UInt8(int(0...255)), count: int(1...300))
            bytes.insert(contentsOf: run, at: place)
        }
    }

    private mutating func range(from start: Int, in bytes: [UInt8]) -> Range<Int> {
        start..<start + int(0...min(32, bytes.count - start))
    }
}
