import ArgumentParser
import HamsterProgram

/// `loghamsterd route`: comes later.
struct Route: NotSupportedYet {
    static let configuration = CommandConfiguration(abstract: "Not supported yet.", shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}
