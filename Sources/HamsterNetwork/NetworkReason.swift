internal import Glibc
internal import HamsterFiles
internal import NIOCore
internal import NIOPosix

/// What is wrong with a connection or an address, as it goes on in the middle of a sentence. NIO's own descriptions name its
/// calls and types, and are a page where a name has several addresses.
package func reasonOfNetworkError(_ error: any Error) -> String {
    switch error {
    case let error as IOError: reason(ofErrno: error.errnoCode)
    case let error as NIOConnectionError: reason(error)
    case let error as SocketAddressError.UnknownHost: "host name not found: \(lowercasedFirst(error.errorDescription))"
    case SocketAddressError.unsupported: "no IPv4 or IPv6 address"
    case SocketAddressError.failedToParseIPString(let text): "'\(text)' is no IPv4 or IPv6 address"
    case ChannelError.connectTimeout(let time): "no answer within \(time.nanoseconds / 1_000_000) ms"
    case ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed, ChannelError.eof: "the connection was closed"
    default: "\(error)"
    }
}

private func reason(ofErrno code: Int32) -> String {
    // Nothing is wrong with the network then, whatever it was that could not be reached.
    let isOutOfDescriptors = code == EMFILE || code == ENFILE
    return reasonOfErrno(code) + (isOutOfDescriptors ? " (raise the limit of open files)" : "")
}

/// The first of the attempts tells: the others were made because it failed.
private func reason(_ error: NIOConnectionError) -> String {
    if let cause = error.connectionErrors.first?.error { return reasonOfNetworkError(cause) }
    return (error.dnsAError ?? error.dnsAAAAError).map(reasonOfNetworkError) ?? "host name not found"
}

private func lowercasedFirst(_ text: String) -> String { text.prefix(1).lowercased() + text.dropFirst() }
