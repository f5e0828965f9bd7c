import ArgumentParser
import HamsterProgram

/// `loghamsterc status`: comes later.
struct Status: NotSupportedYet {
    static let configuration = CommandConfiguration(abstract: "Not supported yet.", shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

/// `loghamsterc explain`: comes later.
struct Explain: NotSupportedYet {
    static let configuration = CommandConfiguration(abstract: "Not supported yet.", shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}
