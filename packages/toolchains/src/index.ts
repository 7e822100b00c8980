export { findCCompiler, findGo } from "./find-go.ts";
export { findPython } from "./find-python.ts";
export { ensurePythonEnvironment, type PythonEnvironmentOptions, pythonProgram } from "./python-environment.ts";
export { type Environment, type Found, type Missing, pathWith, type Toolchain } from "./toolchain.ts";
