/// Bytes of a stranger, fit for a log line or a reply: what is not printable ASCII is shown as `\xNN`, and so are quotes
/// and backslashes, so that nobody can forge the end of the quotation. At most `charactersMax` characters, then `…`.
package func printable(_ bytes: some Collection<UInt8>, charactersMax: Int = 100) -> String {
    var text = ""
    var length = 0
    for byte in bytes {
        let isPlain = (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "'") && byte != UInt8(ascii: "\\")
        length += isPlain ? 1 : 4
        guard length <= charactersMax else { return text + "..." }
        if isPlain {
            text.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
            text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return text
}
