import HamsterProtocol
import HamsterTesting
import NIOCore
import Testing

struct CompressionTests {
    private let allocator = ByteBufferAllocator()

    /// All that `compressed` gives, in pieces of at most `bytesMax`.
    private func inflated(
        _ compressed: inout ByteBuffer, with inflater: Inflater, bytesMax: Int
    ) throws -> (bytes: [UInt8], longest: Int) {
        var (bytes, longest): ([UInt8], Int) = ([], 0)
        while true {
            let piece = try inflater.inflate(&compressed, bytesMax: bytesMax, allocator: allocator)
            longest = max(longest, piece.readableBytes)
            bytes += piece.readableBytesView
            guard compressed.readableBytes > 0 || piece.readableBytes == bytesMax else { return (bytes, longest) }
        }
    }

    @Test(arguments: 0..<100)
    func `every piece can be decoded at once, however the bytes are split`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let deflater = try #require(Deflater())
        let inflater = try #require(Inflater())
        var (sent, found): ([UInt8], [UInt8]) = ([], [])
        for _ in 0..<random.int(1...6) {
            let piece = random.bytes(1...5_000, of: random.bool() ? Array(0...255) : [65, 66])
            var compressed = ByteBuffer()
            deflater.deflate(ByteBuffer(bytes: piece), into: &compressed)
            sent += piece
            while var part = compressed.readSlice(length: min(random.int(1...700), compressed.readableBytes)),
                part.readableBytes > 0
            {
                found += try inflated(&part, with: inflater, bytesMax: random.int(1...9_000)).bytes
            }
            #expect(found.count == sent.count)
        }
        let isSame = found == sent
        #expect(isSame)
    }

    @Test func `a bomb comes in pieces of bounded size`() throws {
        let deflater = try #require(Deflater(level: 9))
        var compressed = ByteBuffer()
        let count = 8 << 20
        deflater.deflate(ByteBuffer(repeating: 0, count: count), into: &compressed)
        #expect(compressed.readableBytes < count / 500)

        let inflater = try #require(Inflater())
        let result = try inflated(&compressed, with: inflater, bytesMax: 10_000)
        #expect(result.longest == 10_000)
        #expect(result.bytes.count == count)
    }

    @Test func `damaged data is an error`() throws {
        let inflater = try #require(Inflater())
        var garbage = ByteBuffer(string: "this is no zlib stream")
        #expect { _ = try inflater.inflate(&garbage, bytesMax: 100, allocator: allocator) } throws: {
            ($0 as? ProtocolError)?.code == .corruptCompression
        }
    }

    @Test(arguments: 0..<100)
    func `flipped bits are an error or other bytes, and never a trap`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let deflater = try #require(Deflater())
        let inflater = try #require(Inflater())
        var compressed = ByteBuffer()
        deflater.deflate(ByteBuffer(bytes: random.bytes(500...500, of: "abcdefgh".utf8)), into: &compressed)
        let index = random.int(0...compressed.readableBytes - 1)
        let byte = compressed.getInteger(at: index, as: UInt8.self) ?? 0
        compressed.setInteger(byte ^ (1 << random.int(0...7)), at: index)

        do {
            #expect(try inflated(&compressed, with: inflater, bytesMax: 1_000).bytes.count <= 200_000)
        } catch let error as ProtocolError {
            #expect(error.code == .corruptCompression)
        }
    }

    @Test func `bytes behind the end of the compressed data are an error`() throws {
        let inflater = try #require(Inflater())
        // What zlib makes of the one byte "a", with its end.
        var whole = ByteBuffer(bytes: [0x78, 0x9C, 0x4B, 0x04, 0x00, 0x00, 0x62, 0x00, 0x62, 0x78])
        let piece = try inflater.inflate(&whole, bytesMax: 100, allocator: allocator)
        #expect(Array(piece.readableBytesView) == [UInt8(ascii: "a")])
        #expect(whole.readableBytes == 1)
        #expect { _ = try inflater.inflate(&whole, bytesMax: 100, allocator: allocator) } throws: {
            ($0 as? ProtocolError)?.code == .corruptCompression
        }
    }

    @Test func `after the end of the compressed data there is nothing, where nothing follows`() throws {
        let inflater = try #require(Inflater())
        var whole = ByteBuffer(bytes: [0x78, 0x9C, 0x4B, 0x04, 0x00, 0x00, 0x62, 0x00, 0x62])
        // The one byte fills the piece, so that the caller has to ask once more.
        let piece = try inflater.inflate(&whole, bytesMax: 1, allocator: allocator)
        #expect(piece.readableBytes == 1)

        #expect(try inflater.inflate(&whole, bytesMax: 1, allocator: allocator).readableBytes == 0)
        #expect(try inflater.inflate(&whole, bytesMax: 1, allocator: allocator).readableBytes == 0)
    }

    @Test func `text becomes smaller`() throws {
        let deflater = try #require(Deflater())
        var compressed = ByteBuffer()
        deflater.deflate(ByteBuffer(bytes: logText(bytes: 100_000)), into: &compressed)
        #expect(compressed.readableBytes < 50_000)
    }
}
