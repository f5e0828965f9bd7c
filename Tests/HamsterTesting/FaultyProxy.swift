import Foundation
import Synchronization

/// A TCP proxy on loopback that does to connections what bad networks do. One thread, until the last reference goes.
package final class FaultyProxy: Sendable {
    /// What befalls a connection once so many bytes have gone through it.
    package struct Fault: Sendable, Hashable {
        package enum Kind: Sendable, Hashable, CaseIterable {
            /// Both sides see an orderly end, in the middle of whatever was being said.
            case cut
            /// Both sides see a reset.
            case reset
            /// Nothing goes through for a while, then all of it.
            case stall
            /// Bytes go through in small pieces from then on.
            case trickle
            /// What comes from either side vanishes from then on, and nobody hears of it.
            case swallow
            /// Only what comes from the client vanishes.
            case swallowFromClient
            /// Only what comes from the server vanishes.
            case swallowFromServer
        }

        package var kind: Kind
        /// Counted in both directions together.
        package var afterBytes: Int

        package init(_ kind: Kind, afterBytes: Int) {
            self.kind = kind
            self.afterBytes = afterBytes
        }
    }

    private struct State {
        var isStopping = false
        var target: Int
        var nextFault: @Sendable (Int) -> Fault?
        var connections = 0
        var faults = 0
    }

    private static let stallMilliseconds: Int64 = 700

    package let port: Int
    private let listener: Int32
    private let state: Mutex<State>

    /// Listens at once, and connects to `target`, a port on loopback. `fault` is asked for each connection, with its number
    /// from 0 on, from another thread.
    package init(to target: Int, fault: @escaping @Sendable (Int) -> Fault?) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        self.listener = listener
        state = Mutex(State(target: target, nextFault: fault))
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 128) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard isListening else { throw TestingError("proxy: \(String(cString: strerror(errno)))") }
        let thread = Thread { [weak self] in
            var links: [Link] = []
            while let proxy = self, !proxy.state.withLock({ $0.isStopping }) { proxy.turn(listener, &links) }
            for link in links { link.close() }
            Foundation.close(listener)
        }
        thread.start()
    }

    deinit { state.withLock { $0.isStopping = true } }

    package var connectionCount: Int { state.withLock { $0.connections } }

    /// How many faults have happened so far.
    package var faultCount: Int { state.withLock { $0.faults } }

    /// No fault from now on, for new connections.
    package func heal() { state.withLock { $0.nextFault = { _ in nil } } }

    private func turn(_ listener: Int32, _ links: inout [Link]) {
        let now = milliseconds()
        var descriptors = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
        for link in links { descriptors += link.interests(now) }
        poll(&descriptors, nfds_t(descriptors.count), 5)
        if descriptors[0].revents != 0, let link = accept(listener) { links.append(link) }
        for link in links where link.move(milliseconds()) { state.withLock { $0.faults += 1 } }
        links.removeAll(where: \.isClosed)
    }

    private func accept(_ listener: Int32) -> Link? {
        let client = Foundation.accept(listener, nil, nil)
        guard client >= 0 else { return nil }
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        _ = fcntl(client, F_SETFL, O_NONBLOCK)
        let (number, target, next) = state.withLock { state in
            defer { state.connections += 1 }
            return (state.connections, state.target, state.nextFault)
        }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = loopback(port: target)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        _ = fcntl(server, F_SETFL, O_NONBLOCK)
        let link = Link(client: client, server: server, fault: next(number), stall: Self.stallMilliseconds)
        guard isConnected else {
            link.reset()
            return nil
        }
        return link
    }
}

/// Two connected sockets and the bytes between them; of the proxy's thread.
private final class Link {
    private struct Direction {
        var from: Int32
        var to: Int32
        var pending: [UInt8] = []
        var isEnded = false
        var isShut = false
        var vanishes = false
    }

    private static let pendingBytesMax = 65_536

    private var directions: [Direction]
    private var fault: FaultyProxy.Fault?
    private var byteCount = 0
    private var isTrickling = false
    private var stalledUntil: Int64 = 0
    private let stall: Int64
    private(set) var isClosed = false

    init(client: Int32, server: Int32, fault: FaultyProxy.Fault?, stall: Int64) {
        directions = [Direction(from: client, to: server), Direction(from: server, to: client)]
        self.fault = fault
        self.stall = stall
    }

    func interests(_ now: Int64) -> [pollfd] {
        guard now >= stalledUntil else { return [] }
        return directions.flatMap { direction in
            let isReading = !direction.isEnded && direction.pending.count < Self.pendingBytesMax
            return (isReading ? [pollfd(fd: direction.from, events: Int16(POLLIN), revents: 0)] : [])
                + (direction.pending.isEmpty ? [] : [pollfd(fd: direction.to, events: Int16(POLLOUT), revents: 0)])
        }
    }

    /// Moves what can be moved. Whether the fault has struck just now.
    func move(_ now: Int64) -> Bool {
        guard !isClosed, now >= stalledUntil else { return false }
        for index in directions.indices {
            receive(index)
            send(index)
            if let fault, byteCount >= fault.afterBytes {
                self.fault = nil
                strike(fault.kind, now)
                return true
            }
        }
        if directions.allSatisfy(\.isShut) { close() }
        return false
    }

    private func receive(_ index: Int) {
        let space = Self.pendingBytesMax - directions[index].pending.count
        guard !directions[index].isEnded, space > 0 else { return }
        var buffer = [UInt8](repeating: 0, count: space)
        let count = recv(directions[index].from, &buffer, space, 0)
        if count > 0 {
            if !directions[index].vanishes { directions[index].pending += buffer[..<count] }
        } else if count == 0 || errno != EAGAIN {
            directions[index].isEnded = true
        }
    }

    private func send(_ index: Int) {
        let direction = directions[index]
        // Not a byte more than up to the fault: so it strikes in the middle of records and lines.
        let untilFault = fault.map { max(0, $0.afterBytes - byteCount) } ?? .max
        let limit = min(direction.pending.count, untilFault, isTrickling ? 7 : .max)
        if limit > 0 {
            let count = Foundation.send(direction.to, direction.pending, limit, Int32(MSG_NOSIGNAL))
            if count > 0 {
                byteCount += count
                directions[index].pending.removeFirst(count)
            } else if errno != EAGAIN {
                directions[index].pending = []
                directions[index].isEnded = true
            }
        }
        guard directions[index].isEnded, directions[index].pending.isEmpty, !directions[index].isShut else { return }
        directions[index].isShut = true
        // Who vanishes says no goodbye.
        if !directions[index].vanishes { shutdown(directions[index].to, Int32(SHUT_WR)) }
    }

    private func strike(_ kind: FaultyProxy.Fault.Kind, _ now: Int64) {
        switch kind {
        case .cut: close()
        case .reset: reset()
        case .stall: stalledUntil = now + stall
        case .trickle: isTrickling = true
        case .swallow: vanish([0, 1])
        case .swallowFromClient: vanish([0])
        case .swallowFromServer: vanish([1])
        }
    }

    private func vanish(_ indices: [Int]) {
        for index in indices {
            directions[index].vanishes = true
            directions[index].pending = []
        }
    }

    func reset() {
        for direction in directions {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(direction.from, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
            // Connecting to nobody dissolves the connection, also where a program that was started just now has inherited it.
            var nobody = sockaddr()
            nobody.sa_family = sa_family_t(AF_UNSPEC)
            connect(direction.from, &nobody, socklen_t(MemoryLayout<sockaddr>.size))
        }
        close()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        for direction in directions {
            shutdown(direction.from, Int32(SHUT_RDWR))
            Foundation.close(direction.from)
        }
    }
}

private func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
    return address
}

private func milliseconds() -> Int64 {
    let (seconds, attoseconds) = (ContinuousClock.now - start).components
    return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
}

private let start = ContinuousClock.now
