import Foundation
import HamsterProgram
import HamsterTesting
import Logging
import Testing

struct ServiceManagerTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func manager(_ listener: NotificationListener, _ environment: [String: String] = [:]) throws
        -> ServiceManager
    {
        let all = environment.merging(["NOTIFY_SOCKET": listener.address]) { own, _ in own }
        return try #require(ServiceManager(all, processID: 7, logger: logger))
    }

    @Test(arguments: [false, true])
    func `each phase is told in one datagram, at a path or at an abstract address`(isAbstract: Bool) async throws {
        let scratch = try ScratchDirectory()
        let listener = try NotificationListener(
            isAbstract ? "@hamster-\(UUID().uuidString)" : scratch("notify.socket"))
        let manager = try manager(listener)

        manager.ready("serving")
        #expect(listener.poll() == ["READY=1", "STATUS=serving"])
        manager.status("2 streams")
        #expect(listener.poll() == ["STATUS=2 streams"])
        manager.isAlive()
        #expect(listener.poll() == ["WATCHDOG=1"])
        manager.stopping()
        #expect(listener.poll() == ["STOPPING=1", "STATUS=stopping"])
        #expect(listener.poll() == nil)
    }

    @Test func `a reload is told with its time, and its end`() async throws {
        let scratch = try ScratchDirectory()
        let listener = try NotificationListener(scratch("notify.socket"))
        let manager = try manager(listener)
        manager.ready("")
        listener.drain()

        let before = ProcessInfo.processInfo.systemUptime
        await manager.reloading {
            let message = listener.poll() ?? []
            #expect(message.first == "RELOADING=1")
            #expect(message.last == "STATUS=reloading")
            let told = message.compactMap { $0.wholeMatch(of: /MONOTONIC_USEC=(\d+)/) }.compactMap { Double($0.1) }
            #expect(told.count == 1 && told.allSatisfy { abs($0 / 1e6 - before) < 60 })
            #expect(listener.poll() == nil)
        }
        #expect(listener.poll() == ["READY=1"])
    }

    @Test func `a reload makes nothing ready that is not, and nothing that stops`() async throws {
        let scratch = try ScratchDirectory()
        let listener = try NotificationListener(scratch("notify.socket"))
        let manager = try manager(listener)

        await manager.reloading {}
        manager.isAlive()
        manager.status("early")
        #expect(listener.poll() == nil)
        manager.stopping()
        listener.drain()
        await manager.reloading {}
        manager.ready("late")
        manager.isAlive()
        #expect(listener.poll() == nil)
    }

    @Test func `a status can't say anything but a status`() async throws {
        let scratch = try ScratchDirectory()
        let listener = try NotificationListener(scratch("notify.socket"))
        try manager(listener).ready("a\nSTOPPING=1\r\nb")
        #expect(listener.poll() == ["READY=1", "STATUS=a STOPPING=1 b"])
    }

    @Test(arguments: [
        ([:], nil), (["WATCHDOG_USEC": "3000000"], Duration.seconds(3)),
        (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"], .seconds(3)),
        (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"], nil), (["WATCHDOG_USEC": "0"], nil),
        (["WATCHDOG_USEC": "soon"], nil),
    ])
    func `a watchdog is one for this process`(environment: [String: String], timeout: Duration?) async throws {
        let scratch = try ScratchDirectory()
        let listener = try NotificationListener(scratch("notify.socket"))
        #expect(try manager(listener, environment).watchdogTimeout == timeout)
    }

    @Test(arguments: ["", "relative", "vsock:2:1", "/" + String(repeating: "x", count: 200), "@"])
    func `an address that is none costs nothing but a line`(address: String) {
        #expect(ServiceManager(["NOTIFY_SOCKET": address], logger: logger) == nil)
    }

    @Test func `a manager that is gone costs nothing but a line`() throws {
        let scratch = try ScratchDirectory()
        let manager = try manager(try NotificationListener(scratch("notify.socket")))
        manager.ready("")
        manager.isAlive()
        #expect(NotificationSocket(scratch("notify.socket"))?.send("READY=1") == ECONNREFUSED)
        #expect(NotificationSocket(scratch("none"))?.send("READY=1") == ENOENT)
    }
}
