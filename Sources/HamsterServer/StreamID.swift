/// 12 lower-case hex digits from the system's CSPRNG (getrandom(2) behind `SystemRandomNumberGenerator`).
func makeStreamID() -> String {
    let digits = String(UInt64.random(in: 0..<(1 << 48)), radix: 16)
    return String(repeating: "0", count: 12 - digits.count) + digits
}
