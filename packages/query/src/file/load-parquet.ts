import { SpanloomError } from "@spanloom/protocol";
import type { ParquetWasm } from "./encode-parquet.ts";

/** The optional package `parquet-wasm`, where it is installed. Errors: INVALID_STATE when it is not. */
export async function loadParquet(): Promise<ParquetWasm> {
  try {
    return await import("parquet-wasm");
  } catch (error) {
    const message = 'cannot write Parquet: the package "parquet-wasm" is not installed; run `npm install parquet-wasm`';
    throw new SpanloomError("INVALID_STATE", message, {}, { cause: error });
  }
}
