import Foundation
import Testing

@testable import HamsterTLS

struct RevocationListsTests {
    private let credentials: Credentials
    private let directory: String
    private let hour = Date(timeIntervalSinceNow: 3_600)

    init() throws {
        credentials = try Credentials()
        directory = credentials.pki.path("lists")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    private func put(_ list: String, as name: String) throws {
        try FileManager.default.copyItem(atPath: list, toPath: "\(directory)/\(name)")
    }

    private func error() -> TLSError? {
        do throws(TLSError) {
            _ = try RevocationLists.read(directory)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a client that is on a list in the directory is refused`() throws {
        try put(
            credentials.pki.revocationList("list", revoking: [credentials.clientIssued], nextUpdate: hour), as: "a.pem")
        let server = try credentials.server { $0.crl = directory }

        let errors = try JoinedSessions(client: credentials.client(), server: server).refusals()

        #expect(errors.server?.description.contains("was revoked at 2") == true)
    }

    @Test func `the CA's old list may lie beside its new one`() throws {
        let old = Date(timeIntervalSinceNow: -60)
        try put(credentials.pki.revocationList("old", revoking: [], nextUpdate: old), as: "1.pem")
        try put(
            credentials.pki.revocationList("new", revoking: [credentials.clientIssued], nextUpdate: hour), as: "2.pem")
        let server = try credentials.server { $0.crl = directory }

        let errors = try JoinedSessions(client: credentials.client(), server: server).refusals()

        #expect(errors.server?.description.contains("was revoked at 2") == true)
        #expect(
            server.validities.filter { $0.role == .revocationList }.map(\.notAfter) == [
                Int64(hour.timeIntervalSince1970)
            ])
    }

    @Test func `a list in DER form is read`() throws {
        let list = try credentials.pki.revocationList("list", revoking: [credentials.clientIssued], nextUpdate: hour)
        try openssl(["crl", "-in", list, "-outform", "DER", "-out", "\(directory)/list.crl"])

        #expect(try RevocationLists.read(directory).map(\.issuer) == ["CN=Test CA"])
    }

    @Test func `what is no list is an error that names the file`() throws {
        try put(credentials.pki.revocationList("list", revoking: [], nextUpdate: hour), as: "a.pem")
        try "notes".write(toFile: "\(directory)/README", atomically: true, encoding: .utf8)

        #expect(error()?.code == .fileMalformed)
        #expect(error()?.description.hasPrefix("\(directory)/README: holds no revocation list in PEM form") == true)
    }

    @Test func `hidden files are left aside, as Kubernetes and editors leave them`() throws {
        try put(credentials.pki.revocationList("list", revoking: [], nextUpdate: hour), as: "a.pem")
        try FileManager.default.createDirectory(atPath: "\(directory)/..2026", withIntermediateDirectories: true)
        try "draft".write(toFile: "\(directory)/.a.pem.swp", atomically: true, encoding: .utf8)

        #expect(error() == nil)
    }

    @Test func `an empty directory is an error, since it revokes nothing`() {
        #expect(error()?.description.hasPrefix("\(directory): the directory holds no revocation list") == true)
    }

    @Test func `a directory whose lists of a CA have all expired is an error`() throws {
        let old = Date(timeIntervalSinceNow: -60)
        try put(credentials.pki.revocationList("old", revoking: [], nextUpdate: old), as: "1.pem")

        #expect(error()?.code == .revocationListExpired)
        #expect(
            error()?.description.hasPrefix("\(directory)/1.pem: revocation list of 'CN=Test CA' expired at 2") == true)
    }

    @Test func `an older list does not stand in for the youngest one when that has ended`() throws {
        let (before, year) = (Date(timeIntervalSinceNow: -10_000), Date(timeIntervalSinceNow: 31_536_000))
        let old = Date(timeIntervalSinceNow: -60)
        try put(credentials.pki.revocationList("old", revoking: [], lastUpdate: before, nextUpdate: year), as: "2.pem")
        try put(
            credentials.pki.revocationList("new", revoking: [credentials.clientIssued], nextUpdate: old), as: "1.pem")

        #expect(error()?.code == .revocationListExpired)
        #expect(error()?.description.hasPrefix("\(directory)/1.pem: ") == true)
    }

    @Test func `the youngest list that is still good replaces older ones that are good for longer`() throws {
        let (before, year) = (Date(timeIntervalSinceNow: -10_000), Date(timeIntervalSinceNow: 31_536_000))
        try put(credentials.pki.revocationList("old", revoking: [], lastUpdate: before, nextUpdate: year), as: "2.pem")
        try put(
            credentials.pki.revocationList("new", revoking: [credentials.clientIssued], nextUpdate: hour), as: "1.pem")
        let server = try credentials.server { $0.crl = directory }

        let errors = try JoinedSessions(client: credentials.client(), server: server).refusals()

        #expect(errors.server?.description.contains("was revoked at 2") == true)
        #expect(
            server.validities.filter { $0.role == .revocationList }.map(\.notAfter) == [
                Int64(hour.timeIntervalSince1970)
            ])
    }

    @Test func `a list from the future is an error, so that a reload keeps the old one`() throws {
        let soon = Date(timeIntervalSinceNow: 600)
        try put(credentials.pki.revocationList("new", revoking: [], lastUpdate: soon, nextUpdate: hour), as: "1.pem")

        #expect(error()?.code == .revocationListNotYetValid)
        #expect(error()?.description.hasSuffix("compare the clocks") == true)
    }

    @Test func `several lists in DER form in one file are all read, and what follows them is an error`() throws {
        let before = Date(timeIntervalSinceNow: -10_000)
        let lists = [
            try credentials.pki.revocationList("old", revoking: [], lastUpdate: before, nextUpdate: hour),
            try credentials.pki.revocationList("new", revoking: [credentials.clientIssued], nextUpdate: hour),
        ]
        var bytes = Data()
        for list in lists {
            try openssl(["crl", "-in", list, "-outform", "DER", "-out", "\(list).der"])
            bytes += try Data(contentsOf: URL(fileURLWithPath: "\(list).der"))
        }
        let path = credentials.pki.path("both.crl")
        try bytes.write(to: URL(fileURLWithPath: path))
        let server = try credentials.server { $0.crl = path }
        let errors = try JoinedSessions(client: credentials.client(), server: server).refusals()
        #expect(errors.server?.description.contains("was revoked at 2") == true)

        try (bytes + Data("and more".utf8)).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: TLSError.self) { _ = try RevocationLists.read(path) }
        #expect(error?.description == "\(path): revocation list number 3 is damaged")
    }
}
