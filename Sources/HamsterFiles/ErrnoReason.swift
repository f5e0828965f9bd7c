internal import Glibc

/// What an errno means, in the system's words (strerror(3)), as they go on in the middle of a sentence.
package func reasonOfErrno(_ code: Int32) -> String {
    guard let words = strerror(code) else { return "errno \(code)" }
    let text = String(cString: words)
    // "Input/output error" becomes lower case, "RPC version wrong" doesn't.
    guard text.dropFirst().first?.isLowercase == true else { return text }
    return text.prefix(1).lowercased() + text.dropFirst()
}
