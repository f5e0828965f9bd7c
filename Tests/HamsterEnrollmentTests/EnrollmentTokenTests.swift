import HamsterEnrollment
import HamsterTLS
import Testing

struct EnrollmentTokenTests {
    private let root = Digest.sha256(Array("root".utf8))
    private let binding = [UInt8](repeating: 7, count: 32)
    private let request = Array("request".utf8)

    @Test func `a token's text says all of it, in one word`() throws {
        let token = EnrollmentToken(host: "web1.example.com", rootDigest: root)
        #expect(EnrollmentToken(token.text) == token)
        #expect(token.text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
        #expect(EnrollmentToken(host: "web1.example.com", rootDigest: root) != token)
    }

    @Test func `no letter can be changed or lost unnoticed`() {
        let text = Array(EnrollmentToken(host: "web1", rootDigest: root).text)
        for index in text.indices {
            var changed = text
            changed[index] = text[index] == "A" ? "B" : "A"
            #expect(EnrollmentToken(String(changed)) == nil)
            #expect(EnrollmentToken(String(text[..<index])) == nil)
        }
        #expect(EnrollmentToken(String(text) + "A") == nil)
    }

    @Test func `a proof is good for its token, connection and request only`() {
        let token = EnrollmentToken(host: "web1", rootDigest: root)
        let proof = token.proof(channelBinding: binding, request: request)
        func isGood(
            _ proof: [UInt8], id: String? = nil, verifier: [UInt8]? = nil, binding: [UInt8]? = nil,
            request: [UInt8]? = nil
        ) -> Bool {
            EnrollmentToken.isProof(
                proof, id: id ?? token.id, verifier: verifier ?? token.verifier,
                channelBinding: binding ?? self.binding, request: request ?? self.request)
        }
        #expect(isGood(proof))
        #expect(!isGood(proof, id: String(token.id.reversed())))
        #expect(!isGood(proof, verifier: EnrollmentToken(host: "web1", rootDigest: root).verifier))
        #expect(!isGood(proof, binding: [UInt8](repeating: 8, count: 32)))
        #expect(!isGood(proof, request: request + [0]))
        #expect(!isGood(Array(proof.dropLast())))
        #expect(!isGood([]))
        // A connection without a binding would make every proof good for ever.
        #expect(!isGood(token.proof(channelBinding: [], request: request), binding: []))
        // Who has stolen what the server keeps has no proof.
        #expect(!isGood(token.verifier))
    }
}
