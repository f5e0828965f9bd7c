package import HamsterCore
package import NIOCore

/// What a load balancer says in front of a connection: where it really comes from. Version 2 of the PROXY protocol, as the
/// specification of HAProxy (proxy-protocol.txt, section 2.2) has it.
package enum ProxyHeader: Sendable, Hashable {
    /// The connection was made for this client. Nil: the proxy doesn't say which.
    case relayed(from: IPAddress?)
    /// It is the proxy's own, for a health check, say.
    case own

    package enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
        case noHeader
        case unknownVersion
        case malformed
        case tooLong

        package var description: String {
            switch self {
            case .noHeader: "it does not begin with a PROXY header"
            case .unknownVersion: "its PROXY header is not of version 2"
            case .malformed: "its PROXY header is malformed"
            case .tooLong: "its PROXY header is longer than \(ProxyHeader.bytesMax) bytes"
            }
        }
    }

    /// More can only be extensions without end.
    package static let bytesMax = 2_048

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    /// Signature, version and command, family, length.
    private static let fixedBytes = 16

    /// Takes the header from the front of `buffer`; nil: it isn't there whole yet, and nothing is taken.
    package static func take(from buffer: inout ByteBuffer) throws(Failure) -> ProxyHeader? {
        let start = buffer.readableBytesView.prefix(signature.count)
        guard signature.starts(with: start) else { throw .noHeader }
        guard buffer.readableBytes >= fixedBytes,
            let kind = buffer.getInteger(at: buffer.readerIndex + 12, as: UInt8.self),
            let family = buffer.getInteger(at: buffer.readerIndex + 13, as: UInt8.self),
            let length = buffer.getInteger(at: buffer.readerIndex + 14, as: UInt16.self)
        else { return nil }
        guard kind >> 4 == 2 else { throw .unknownVersion }
        guard fixedBytes + Int(length) <= bytesMax else { throw .tooLong }
        guard buffer.readableBytes >= fixedBytes + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: fixedBytes)
        let addresses = Array(buffer.readableBytesView.prefix(Int(length)))
        buffer.moveReaderIndex(forwardBy: Int(length))
        return try parse(command: kind & 0xF, family: family >> 4, addresses)
    }

    private static func parse(command: UInt8, family: UInt8, _ addresses: [UInt8]) throws(Failure) -> ProxyHeader {
        switch command {
        case 0: return .own
        case 1: break
        default: throw .malformed
        }
        // Source, destination, two ports; a Unix socket's names and what is unknown say nothing of an address.
        switch family {
        case 1 where addresses.count >= 12: return .relayed(from: IPAddress(addresses.prefix(4)))
        case 2 where addresses.count >= 36: return .relayed(from: IPAddress(addresses.prefix(16)))
        case 0, 3: return .relayed(from: nil)
        default: throw .malformed
        }
    }
}
