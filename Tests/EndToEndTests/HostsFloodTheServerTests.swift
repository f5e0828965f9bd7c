import Foundation
import HamsterStatus
import HamsterTesting
import Testing

/// A host with a valid certificate asks for more than its share: of streams, of memory, of keys, of time.
struct HostsFloodTheServerTests {
    /// How many streams are asked for. LOGHAMSTER_STREAMS says otherwise: ten thousand take minutes.
    private static let streamCount = ProcessInfo.processInfo.environment["LOGHAMSTER_STREAMS"].flatMap(Int.init) ?? 600

    @Test func `of streams without end its share is opened, and the others hear 429`() async throws {
        let share = 100
        let siege = try await Siege(extra: "[limits]\nmax_streams_per_host = \(share)")
        var open: [TLSConnection] = []
        var refused = 0

        for number in 1...Self.streamCount {
            let attacker = try await siege.attacker()
            let reply = try await attacker.ask("INIT STREAM web1:/\(number).log ack:1 file:\(number) offset:0")
            if reply.hasPrefix("200 ") { open.append(attacker) }
            if reply == "429 host has too many streams retry:30" { refused += 1 }
            if number.isMultiple(of: 100) { try await siege.goOn() }
        }

        #expect(open.count == share)
        #expect(refused == Self.streamCount - share)
        try await siege.expectNoHarm()
    }

    @Test func `streams that are opened and dropped without end leave nothing open`() async throws {
        let siege = try await Siege()

        for number in 1...300 {
            let attacker = try await siege.attacker()
            try await attacker.open("web1:/a.log ack:1 file:\(number % 7) offset:0")
            attacker.raw.reset()
        }

        _ = try await siege.deployment.statusDocument { $0["streams"]?.elements.count == 1 }
        try await siege.expectNoHarm()
    }

    @Test func `who never reads its acknowledgements fills no memory, and hears the last one when it does`()
        async throws
    {
        let siege = try await Siege(extra: "[durability]\ncommit_interval = \"1ms\"\ncommit_bytes = \"4 KiB\"")
        let block = logText(bytes: 4_096)

        let attacker = try await siege.attacker(receiveBytes: 4_096)
        try await attacker.open("web1:/a.log ack:1 file:a offset:0")
        for _ in 0..<2_000 { try await attacker.raw.send(try attacker.encrypt(block)) }
        try await attacker.finish()
        try await siege.expectNoHarm()

        #expect(try await attacker.linesUntilEnd().last == "ACK \(2_000 * block.count)")
    }

    @Test func `bytes behind the announced end are stored, and the file has not ended`() async throws {
        let siege = try await Siege()

        let attacker = try await siege.attacker()
        try await attacker.open("web1:/a.log ack:1 file:a offset:0 size:6")
        try await attacker.send("hello\nand more\n")
        try await attacker.finish()

        #expect(try await attacker.linesUntilEnd().last == "ACK 15")
        #expect(siege.deployment.scratch.contents("stored/web1/a.log") == Array("hello\nand more\n".utf8))
        let second = try await siege.attacker()
        #expect(try await second.open("web1:/a.log ack:1 file:a offset:0").contains(" offset:15 "))
        try await siege.expectNoHarm()
    }

    @Test func `key updates without end are cut off where their answers are not read`() async throws {
        let siege = try await Siege()

        let attacker = try await siege.attacker(receiveBytes: 4_096)
        try await attacker.open("web1:/a.log ack:1 file:a offset:0")
        await #expect(throws: (any Error).self) {
            while true { try await attacker.raw.send((0..<500).flatMap { _ in try attacker.keyUpdate() }) }
        }

        try await siege.server.waitForError("the peer asks for key updates and doesn't read them")
        try await siege.expectNoHarm()
    }

    @Test func `key updates whose answers are read take nothing from anybody`() async throws {
        let siege = try await Siege()

        let attacker = try await siege.attacker()
        try await attacker.open("web1:/a.log ack:1 file:a offset:0")
        for round in 1...1_000 {
            try await attacker.raw.send(try attacker.keyUpdate())
            if round.isMultiple(of: 100) {
                try await attacker.send("a")
                while try await attacker.line() != "ACK \(round / 100)" {}
            }
        }

        try await siege.expectNoHarm()
    }

    @Test func `a second handshake under TLS 1.2 is refused`() async throws {
        let siege = try await Siege(tls: "min_version = \"1.2\"")

        let attacker = try await siege.attacker(.v12)
        try await attacker.open("web1:/a.log ack:1 file:a offset:0")
        let error = await #expect(throws: TLSConnection.Refused.self) { try await attacker.renegotiate() }

        #expect(error?.reason == "no renegotiation")
        try await siege.expectNoHarm()
    }

    @Test func `a request without end is refused with 413`() async throws {
        let siege = try await Siege()

        let attacker = try await siege.attacker()
        let bytes = Array("INIT STREAM web1:/".utf8) + [UInt8](repeating: UInt8(ascii: "a"), count: 4 << 20)
        try await attacker.raw.send(try attacker.encrypt(bytes))

        #expect(try await attacker.line() == "413 line is longer than 8192 bytes")
        try await siege.expectNoHarm(hosts: [])
    }

    @Test func `a decompression bomb is written as it unpacks, and never held in memory`() async throws {
        let siege = try await Siege()
        let byteCount = 256 << 20
        let bomb = try zlibStream(ofZeros: byteCount)
        #expect(bomb.count < 300_000)

        let attacker = try await siege.attacker()
        try await attacker.open("web1:/a.log compress:zlib")
        try await attacker.send(bomb)
        try await siege.goOn()
        try await attacker.finish()

        #expect(try await attacker.linesUntilEnd() == [])
        let attributes = try FileManager.default.attributesOfItem(
            atPath: siege.deployment.scratch("stored/web1/a.log"))
        #expect(attributes[.size] as? Int == byteCount)
        try await siege.expectNoHarm(megabytes: 48)
    }
}
