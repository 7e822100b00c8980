/** What writes Parquet, ready to be used. It is large, and loaded by the first who asks for it. */
export async function loadParquet(): Promise<object> {
  const parquet = await import("parquet-wasm/esm");
  // The bundler puts the program beside the script, which knows its address.
  await parquet.default();
  return parquet;
}
