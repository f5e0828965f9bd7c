import LogHamster

func ship() async throws {
    let client = try LogHamsterClient(
        target: "localhost:7007",
        tls: .mutual(
            ca: "web1/ca.pem", certificate: "web1/identity/client.pem", key: "web1/identity/client.pem"),
        hostName: "web1")
    let copied = try await client.sendFile("/var/log/messages")
    print("\(copied) bytes are stored")
    let streamed = try await client.streamFile("/var/log/app.log")
    print("\(streamed) bytes are stored, and the file was rotated")
}
