internal import COpenSSL

/// The kinds of subject alternative names that are looked at.
enum AlternativeName {
    case dns, ipAddress

    private var generalNameType: Int32 {
        switch self {
        case .dns: GEN_DNS
        case .ipAddress: GEN_IPADD
        }
    }

    /// The bytes of the names of this kind. Takes over `names`, a `GENERAL_NAMES *`.
    func values(in names: UnsafeMutableRawPointer) -> [[UInt8]] {
        let stack = OpaquePointer(names)
        defer { GENERAL_NAMES_free(stack) }
        return (0..<COpenSSL_sk_GENERAL_NAME_num(stack)).compactMap { index in
            var type: Int32 = -1
            let name = COpenSSL_sk_GENERAL_NAME_value(stack, index)
            guard let value = GENERAL_NAME_get0_value(name, &type), type == generalNameType else { return nil }
            let string = value.assumingMemoryBound(to: ASN1_STRING.self)
            return Array(
                UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string))))
        }
    }
}
