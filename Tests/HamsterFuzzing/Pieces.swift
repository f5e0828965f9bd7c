import NIOCore

/// An input whose first byte says how the others are cut, as a network would.
struct Pieces {
    let whole: [UInt8]
    /// Together they are the whole; none is empty.
    let pieces: [ArraySlice<UInt8>]

    /// 0: in one piece; else in pieces of so many bytes.
    init(_ input: [UInt8]) {
        let size = Int(input.first ?? 0)
        whole = Array(input.dropFirst())
        var rest = whole[...]
        var pieces: [ArraySlice<UInt8>] = []
        while !rest.isEmpty {
            pieces.append(rest.prefix(size == 0 ? rest.count : size))
            rest = rest.dropFirst(pieces[pieces.count - 1].count)
        }
        self.pieces = pieces
    }

    /// The input that cuts `bytes` in pieces of `size` bytes; 0: one piece.
    static func input(_ bytes: some Collection<UInt8>, size: UInt8 = 0) -> [UInt8] { [size] + bytes }

    static func input(_ text: String, size: UInt8 = 0) -> [UInt8] { input(text.utf8, size: size) }
}
