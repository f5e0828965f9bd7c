private import COpenSSL

/// The OpenSSL that is loaded at run time, which may be newer than the one the program was built with.
package enum OpenSSLVersion {
    /// For example `OpenSSL 3.0.19 27 Jan 2026`.
    package static var text: String {
        guard let version = OpenSSL_version(OPENSSL_VERSION) else { return "OpenSSL" }
        return String(cString: version)
    }
}
