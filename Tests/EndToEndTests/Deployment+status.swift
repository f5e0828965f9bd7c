import HamsterStatus
import HamsterTesting

extension Deployment {
    /// Runs `loghamsterd status`, as another user where one is given.
    func status(
        as user: Int? = nil, _ options: [String] = []
    ) async throws -> (exitCode: Int32, output: String, errors: String) {
        let program = try Repository.program("loghamsterd")
        let arguments = ["status", "--config", scratch("server.toml")] + options
        let words = user.map {
            ["/usr/bin/setpriv", "--reuid", "\($0)", "--regid", "\($0)", "--clear-groups", program] + arguments
        }
        let process = try ChildProcess(
            words?.first ?? program, words.map { Array($0.dropFirst()) } ?? arguments, in: scratch)
        let code = try await process.exitCode()
        return (code, process.output, process.errors)
    }

    /// The document, once it is as expected.
    func statusDocument(_ isExpected: (JSON) -> Bool) async throws -> JSON {
        try await awaited("a status as expected") {
            let result = try await status(as: nil, ["--json"])
            guard let document = JSON(parsing: Array(result.output.utf8)) else {
                throw TestingError("no document: \(result.output) \(result.errors)")
            }
            return isExpected(document) ? document : nil
        }
    }
}
