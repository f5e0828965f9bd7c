import HamsterClient
import HamsterConfiguration
import HamsterCore
import HamsterProgram
import HamsterStatus
import HamsterTail

/// The client that runs with the same state directory, as it says of itself at its status socket.
struct RunningClient {
    private let document: JSON

    /// Nil where none runs there, or this user may not ask it.
    init?(in stateDirectory: String) {
        do throws(StatusError) {
            document = try StatusRequest.fetch(in: stateDirectory, timeout: .seconds(5))
        } catch {
            return nil
        }
    }

    /// Throws where it ships one of the files to one of these targets: of two streams of one file the server ends the older
    /// one, and what is appended would wait until the client dares to come back.
    func requireOthers(than settings: ClientSettings) throws(ProgramFailure) {
        guard settings.client.targets.contains(where: { $0.description == document.word("target") }) else { return }
        let followed = Set((document["files"]?.elements ?? []).flatMap { [$0.word("path"), $0.word("location")] })
        let common = settings.client.inputs.flatMap(\.files.patterns).compactMap(\.literalPath)
            .map(\.description).filter(followed.contains)
        guard common.isEmpty else {
            throw ProgramFailure(
                .unavailable,
                common.map {
                    "\($0): the running client (process \(document.word("pid"))) ships this file already: "
                        + "'loghamsterc status' shows how far it is"
                })
        }
    }
}
