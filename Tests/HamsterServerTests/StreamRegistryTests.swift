import HamsterCore
import HamsterRouting
import HamsterTLS
import NIOCore
import NIOEmbedded
import Testing

@testable import HamsterServer

struct StreamRegistryTests {
    let registry = StreamRegistry(streamsPerHostMax: 3)
    let channel = EmbeddedChannel()

    private func handle(_ name: String) -> StreamHandle { StreamHandle(streamID: name, channel: channel) }

    private func claim(
        _ path: String = "/a", host: String = "web1", file: String? = nil, output: String? = nil
    ) throws -> StreamRegistry.Claim {
        StreamRegistry.Claim(
            source: StreamSource(host: host, path: SourcePath(path)),
            key: try file.map { FileKey(host: host, file: try #require(FileToken($0))) },
            exclusiveOutput: output.map { .absolute(SourcePath($0)) })
    }

    private func answer(_ claim: StreamRegistry.Claim, _ handle: StreamHandle) -> String {
        switch registry.claim(claim, for: handle) {
        case .granted: "granted"
        case .occupied(let holder, _): "occupied by \(holder.streamID)"
        case .busy: "busy"
        case .tooMany: "too many"
        }
    }

    @Test func `a file has one stream`() throws {
        let (first, second) = (handle("1"), handle("2"))
        #expect(answer(try claim(file: "f"), first) == "granted")
        #expect(answer(try claim("/other", file: "f"), second) == "occupied by 1")
        #expect(answer(try claim(host: "web2", file: "f"), second) == "granted")
        #expect(registry.count == 2)
    }

    @Test func `a later file of the same path takes its output, any other source finds it busy`() throws {
        let (first, second) = (handle("1"), handle("2"))
        #expect(answer(try claim(file: "f", output: "/o"), first) == "granted")
        #expect(answer(try claim(file: "g", output: "/o"), second) == "occupied by 1")
        #expect(answer(try claim("/b", file: "g", output: "/o"), second) == "busy")
        #expect(answer(try claim(host: "web2", file: "g", output: "/o"), second) == "busy")
        #expect(answer(try claim(output: "/o"), second) == "busy")
        #expect(answer(try claim(file: "g", output: "/p"), second) == "granted")
    }

    @Test func `a stream stays where only the rotation of its output is another one`() throws {
        let path = try PathTemplate("/logs/app.log")
        let routers = [RotationPolicy(size: 5_000), RotationPolicy(size: 9_000)].map { rotation in
            Router(
                rules: [
                    OutputRule(name: "app", action: .write(.init(path: path, framing: .lines, rotation: rotation)))
                ],
                hasFallback: false)
        }
        let facts = StreamFacts(source: StreamSource(host: "web1", path: SourcePath("/a")), service: "app")
        guard case .write(let route) = routers[0].route(facts) else {
            Issue.record("no output takes the stream")
            return
        }
        var claim = try claim(file: "f")
        claim.routed = StreamRegistry.Routed(facts: facts, route: route)
        #expect(answer(claim, handle("1")) == "granted")
        var rotations: [RotationPolicy?] = []

        #expect(registry.reroute(routers[1], on: facts.date) { rotations.append($0.rotation) } == 0)
        #expect(rotations == [RotationPolicy(size: 9_000)])
        let elsewhere = Router(rules: [], hasFallback: true)
        #expect(registry.reroute(elsewhere, on: facts.date) { rotations.append($0.rotation) } == 1)
        #expect(rotations.count == 1)
    }

    @Test func `a plain stream is left alone`() throws {
        #expect(answer(try claim(output: "/o"), handle("1")) == "granted")
        let second = handle("2")
        #expect(answer(try claim(file: "f", output: "/o"), second) == "busy")
        #expect(answer(try claim(output: "/o"), second) == "busy")
    }

    @Test func `what is released can be had again, and those who wait are told`() async throws {
        let (first, second) = (handle("1"), handle("2"))
        #expect(answer(try claim(file: "f", output: "/o"), first) == "granted")
        guard case .occupied(_, let released) = registry.claim(try claim(file: "f"), for: second) else {
            Issue.record("the file is held by the first")
            return
        }
        #expect(await released.wait(atMost: .zero) == false)
        registry.release(first)
        registry.release(first)

        #expect(await released.wait(atMost: .seconds(10)))
        #expect(registry.count == 0)
        #expect(answer(try claim(file: "f", output: "/o"), second) == "granted")
        registry.release(first)
        #expect(registry.count == 1)
    }

    @Test func `a host has as many streams as it may, and others are not counted with it`() throws {
        let handles = (0..<4).map { handle("\($0)") }
        for handle in handles.prefix(3) { #expect(answer(try claim(), handle) == "granted") }
        #expect(answer(try claim(), handles[3]) == "too many")
        #expect(answer(try claim(host: "web2"), handles[3]) == "granted")
        registry.release(handles[0])
        #expect(answer(try claim(), handles[0]) == "granted")
    }

    @Test func `a refusal holds nothing`() throws {
        let (first, second, third) = (handle("1"), handle("2"), handle("3"))
        #expect(answer(try claim(output: "/o"), first) == "granted")
        #expect(answer(try claim("/b", file: "g", output: "/o"), second) == "busy")
        #expect(answer(try claim("/b", file: "g"), third) == "granted")
        #expect(registry.count == 2)
    }

    @Test func `streams whose certificate has ended, or names their host no more, are ended`() throws {
        func peer(_ name: String, until notAfter: Int64) -> PeerIdentity {
            PeerIdentity(
                subject: "CN=\(name)", dnsNames: [name], ipAddresses: [], fingerprint: "", serial: "",
                notAfter: notAfter)
        }
        let heard = Heard()
        let holders = [("web1", peer("web1", until: 100)), ("web2", peer("web2", until: 200)), ("web3", nil)]
        for (host, peer) in holders {
            let channel = EmbeddedChannel()
            try channel.pipeline.syncOperations.addHandler(StopListener(host, heard))
            var claim = try claim("/a", host: host)
            claim.peer = peer
            #expect(answer(claim, StreamHandle(streamID: host, channel: channel)) == "granted")
        }
        #expect(registry.end(by: HostBinding(isRequired: false), now: 100) == 0)
        #expect(registry.end(by: HostBinding(isRequired: false), now: 101) == 1)
        #expect(heard.hosts == ["web1"])
        #expect(registry.end(by: HostBinding(isRequired: true), now: 101) == 2)
        #expect(Set(heard.hosts.dropFirst()) == ["web1", "web3"])
    }
}

/// Who was told to end because of its identity.
private final class Heard {
    var hosts: [String] = []
}

private final class StopListener: ChannelInboundHandler {
    typealias InboundIn = Never

    private let host: String
    private let heard: Heard

    init(_ host: String, _ heard: Heard) {
        self.host = host
        self.heard = heard
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .identityEnded? = event as? StopCommand { heard.hosts.append(host) }
    }
}
