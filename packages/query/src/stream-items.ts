/** The items of a stream; leaving the loop ends it. Not every browser can loop over a stream by itself. */
export async function* streamItems<Item>(stream: ReadableStream<Item>): AsyncGenerator<Item> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined); // It has ended already, and its error was thrown above.
  }
}
