internal import NIOCore

/// Refuses a ClientHello that is larger than any client's, before OpenSSL sees it.
///
/// OpenSSL takes one of up to 128 KiB and reserves the memory as soon as its length is announced: nine bytes from a stranger
/// would cost so much. The ClientHello is the first thing a client says, and in TLS 1.3 it may say one more (RFC 8446 section
/// 4.1.2); what follows is encrypted, or limited by `SSL_CTX_set_max_cert_list`.
struct ClientHelloLimit {
    /// With room for two post-quantum key shares and the ticket of a certificate of half this size.
    static let bytesMax = 8 * 1_024

    /// Of any record (RFC 8446 section 5.2).
    private static let recordBytesMax = 16 * 1_024 + 256
    private static let handshakeType: UInt8 = 22
    private static let clientHelloType: UInt8 = 1

    /// Parts of a record's and of a message's head that came so far.
    private var recordHead: [UInt8] = []
    private var messageHead: [UInt8] = []
    private var recordRest = 0
    private var messageRest = 0
    private var isOfInterest = false

    /// What is too large, as the alerts of TLS name it (RFC 8446 section 6.2).
    enum Excess: UInt8 {
        case record = 22
        case message = 47
    }

    /// Looks at what comes from a client before the handshake is done. Nil: nothing that is announced is too large.
    mutating func excess(in bytes: ByteBufferView) -> Excess? {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard recordRest > 0 else {
                takeRecordHead(from: &rest)
                guard !isOfInterest || recordRest <= Self.bytesMax + 4 else {
                    return recordRest > Self.recordBytesMax ? .record : .message
                }
                continue
            }
            let count = min(recordRest, rest.count)
            guard !isOfInterest || acceptsMessages(rest.prefix(count)) else { return .message }
            rest = rest.dropFirst(count)
            recordRest -= count
        }
        return nil
    }

    private mutating func takeRecordHead(from bytes: inout ByteBufferView.SubSequence) {
        let taken = bytes.prefix(5 - recordHead.count)
        recordHead += taken
        bytes = bytes.dropFirst(taken.count)
        guard recordHead.count == 5 else { return }
        isOfInterest = recordHead[0] == Self.handshakeType
        recordRest = Int(recordHead[3]) << 8 | Int(recordHead[4])
        recordHead = []
    }

    private mutating func acceptsMessages(_ bytes: ByteBufferView.SubSequence) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            if messageRest > 0 {
                let count = min(messageRest, rest.count)
                messageRest -= count
                rest = rest.dropFirst(count)
                continue
            }
            let taken = rest.prefix(4 - messageHead.count)
            messageHead += taken
            rest = rest.dropFirst(taken.count)
            guard messageHead.count == 4 else { return true }
            messageRest = Int(messageHead[1]) << 16 | Int(messageHead[2]) << 8 | Int(messageHead[3])
            if messageHead[0] == Self.clientHelloType, messageRest > Self.bytesMax { return false }
            messageHead = []
        }
        return true
    }
}
