import HamsterEnrollment
import HamsterProtocol
import HamsterTLS

/// What stands in the place of `INIT STREAM` where a host asks for a certificate: the line, and the request in it (DER). What
/// is understood is written and understood again as the same; what is not gets an error of one line.
struct EnrollmentTarget: FuzzTarget {
    let seeds: [[UInt8]]

    init() throws {
        let request = try CertificateRequest.make(for: "web1", key: PrivateKey.make())
        seeds = [
            EnrollmentLine.renew(request: request).bytes.dropLast(),
            EnrollmentLine.enroll(
                tokenID: "0123456789abcdef", proof: [UInt8](repeating: 7, count: 32), request: request
            ).bytes.dropLast(),
            Array("RENEW request:30".utf8),
        ].map { Array($0) }
    }

    func check(_ input: [UInt8]) throws {
        let line: EnrollmentLine
        do throws(ProtocolError) {
            line = try EnrollmentLine(parsing: input)
        } catch {
            try demandOneLine(error.description)
            return try demandLine(error.reply.line)
        }
        switch line {
        case .renew(let request): try check(request: request)
        case .enroll(_, let proof, let request):
            let isProof = EnrollmentToken.isProof(
                proof, id: "0123456789abcdef", verifier: [1, 2, 3], channelBinding: [4], request: request)
            try demand(!isProof, "bytes that nobody could know are a proof")
            try check(request: request)
        }
    }

    private func check(request: [UInt8]) throws {
        let read: CertificateRequest
        do throws(TLSError) {
            read = try CertificateRequest(request)
        } catch {
            return try demandOneLine(error.description)
        }
        try demand(read.keyDigest.utf8.count == 64, "no digest of the key")
        if let objection = read.objection(toHost: "web1") { try demandOneLine(objection) }
    }
}
