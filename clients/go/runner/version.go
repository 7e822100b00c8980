package runner

// version is the SDK's, as the server lists it with a runner.
const version = "0.1.0"
