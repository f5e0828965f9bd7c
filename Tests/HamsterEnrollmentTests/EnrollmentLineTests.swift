import HamsterEnrollment
import HamsterProtocol
import Testing

struct EnrollmentLineTests {
    @Test func `lines are read as they are written`() throws {
        let lines: [EnrollmentLine] = [
            .enroll(tokenID: "0123456789abcdef", proof: [1, 255], request: [48, 0]), .renew(request: [48, 130, 1]),
        ]
        for line in lines {
            #expect(line.bytes.last == UInt8(ascii: "\n"))
            #expect(try EnrollmentLine(parsing: line.bytes.dropLast()) == line)
        }
    }

    @Test(arguments: [
        "", "ENROLL", "ENROLL x", "ENROLL x proof:00", "ENROLL x request:00 proof:00", "ENROLL  proof:00 request:00 ",
        "ENROLL x proof:0 request:00", "ENROLL x proof:0G request:00", "ENROLL x proof:AB request:00", "RENEW",
        "RENEW request", "RENEW request:0", "RENEW request:00 more", "INIT STREAM web1:/a", "RENEW  request:00",
    ])
    func `another line is refused, and not repeated`(text: String) {
        let error = #expect(throws: ProtocolError.self) { try EnrollmentLine(parsing: Array(text.utf8)) }
        #expect(error?.code == .malformed)
        #expect(error?.description.contains("proof:00") == false)
    }

    @Test func `a grant says how much follows, and no more than can be`() throws {
        let grant = EnrollmentGrant(certificateByteCount: 800, rootByteCount: 0)
        #expect(try EnrollmentGrant(parsing: grant.bytes.dropLast()) == grant)
        #expect(try EnrollmentGrant(parsing: Array("403 no".utf8)) == nil)
        for text in ["certificate:0 ca:1", "certificate:9999999 ca:1", "certificate:1 ca:-1", "certificate:1", "ca:1"] {
            #expect(throws: ProtocolError.self) {
                try EnrollmentGrant(parsing: Array("200 OK Certificate issued \(text)".utf8))
            }
        }
    }
}
