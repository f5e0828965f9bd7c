import HamsterCore
import HamsterProtocol
import Testing

struct ClientStreamTests {
    enum Stage: CaseIterable { case welcome, streamID, reply, streaming, ended }

    static let plain = StreamRequest(source: StreamSource(host: "a", path: SourcePath("/b")))
    static let refusal = Reply(.noOutput, "none")

    static func acknowledged(compressed: Bool = false) throws -> StreamRequest {
        var request = plain
        request.acknowledgement = .init(file: try #require(FileToken("t")), offset: 5)
        request.offersCompression = compressed
        return request
    }

    static func machine(at stage: Stage) throws -> ClientStream {
        var machine = ClientStream(try acknowledged())
        let lines: [ServerLine] = [
            .welcome, .streamID("9f2c1a4be07d"), .ready(StreamGrant(offset: 5)), .refused(refusal),
        ]
        for line in lines.prefix(Stage.allCases.firstIndex(of: stage) ?? 0) { _ = machine.received(line) }
        return machine
    }

    @Test func `on a connection that had a stream before, the request comes first`() throws {
        var request = try Self.acknowledged()
        request.size = 12
        request.asksForNext = true
        var machine = ClientStream(request, on: "9f2c1a4be07d")
        #expect(machine.streamID == "9f2c1a4be07d")
        #expect(machine.begin() == .sendRequest(request))
        var grant = StreamGrant(offset: 9)
        grant.takesNext = true
        #expect(machine.received(.ready(grant)) == .start(grant))
        #expect(machine.begin() == .none)
        #expect(ClientStream(request).begin() == .none)
    }

    @Test(arguments: [nil, 8, 12]) func `another stream is only granted behind an end that can be seen`(
        size: UInt64?
    ) throws {
        for isAsked in [true, false] {
            var request = try Self.acknowledged()
            request.size = size
            request.asksForNext = isAsked
            var machine = ClientStream(request, on: "9f2c1a4be07d")
            var grant = StreamGrant(offset: 9)
            grant.takesNext = true
            if isAsked, size == 12 {
                #expect(machine.received(.ready(grant)) == .start(grant))
            } else {
                guard case .fail = machine.received(.ready(grant)) else {
                    Issue.record("size \(size ?? 0), asked \(isAsked)")
                    continue
                }
            }
        }
    }

    @Test func `an opening goes from welcome to the first acknowledgement`() throws {
        let request = try Self.acknowledged()
        var machine = ClientStream(request)

        #expect(machine.received(.welcome) == .none)
        #expect(machine.streamID == nil)
        #expect(machine.received(.streamID("9f2c1a4be07d")) == .sendRequest(request))
        #expect(machine.streamID == "9f2c1a4be07d")
        let grant = StreamGrant(offset: 9, check: ContinuityCheck(value: 1))
        #expect(machine.received(.ready(grant)) == .start(grant))
        #expect(machine.received(.acknowledged(9)) == .acknowledged(9))
        #expect(machine.received(.acknowledged(12)) == .acknowledged(12))
    }

    @Test(arguments: Stage.allCases)
    func `a refusal is heard in every state but the last`(stage: Stage) throws {
        var machine = try Self.machine(at: stage)
        #expect(machine.received(.refused(Self.refusal)) == (stage == .ended ? .none : .refused(Self.refusal)))
        #expect(machine.received(.refused(Self.refusal)) == .none)
        #expect(machine.received(.welcome) == .none)
    }

    @Test(arguments: [
        (Stage.welcome, [ServerLine.streamID("9f2c1a4be07d"), .ready(StreamGrant(offset: 5)), .acknowledged(5)]),
        (.streamID, [.welcome, .ready(StreamGrant(offset: 5)), .acknowledged(5)]),
        (.reply, [.welcome, .streamID("9f2c1a4be07d"), .acknowledged(5)]),
        (.streaming, [.welcome, .streamID("9f2c1a4be07d"), .ready(StreamGrant(offset: 5)), .acknowledged(4)]),
    ])
    func `a line of another state is a violation, and the end`(stage: Stage, lines: [ServerLine]) throws {
        for line in lines {
            var machine = try Self.machine(at: stage)
            guard case .fail(let error) = machine.received(line) else {
                Issue.record("\(line) was taken")
                continue
            }
            #expect(error.code == .unexpected)
            #expect(machine.received(.acknowledged(5)) == .none)
        }
    }

    @Test func `a server must grant what was asked for, and no more`() throws {
        func answer(_ request: StreamRequest, _ grant: StreamGrant) -> ClientStream.Action {
            var machine = ClientStream(request)
            _ = machine.received(.welcome)
            _ = machine.received(.streamID("9f2c1a4be07d"))
            return machine.received(.ready(grant))
        }
        func isFailure(_ action: ClientStream.Action) -> Bool { if case .fail = action { true } else { false } }

        #expect(isFailure(answer(Self.plain, StreamGrant(offset: 5))))
        #expect(isFailure(answer(try Self.acknowledged(), StreamGrant())))
        #expect(isFailure(answer(Self.plain, StreamGrant(isCompressed: true))))
        #expect(answer(Self.plain, StreamGrant()) == .start(StreamGrant()))
        let grant = StreamGrant(offset: 5, isCompressed: true)
        #expect(answer(try Self.acknowledged(compressed: true), grant) == .start(grant))
        let uncompressed = StreamGrant(offset: 0)
        #expect(answer(try Self.acknowledged(compressed: true), uncompressed) == .start(uncompressed))
    }
}
