import { task } from "@spanloom/sdk";

/** What would be an element, a script or a handler if it became markup. */
const markup = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script><b data-taken>`;
/** Turns around what comes after it, where it is not kept apart. */
const rightToLeft = "\u202Eطلب العميل";
const control = "\u0000\u0007\u001b[31m\u0085\u200b\r\n";
const longWord = "w".repeat(10_000);

/** All of it in so many characters. */
function nasty(length: number): string {
  return `${markup}${rightToLeft}${control}${longWord}`.slice(0, length);
}

/** What names and tags may hold at most. */
export const hostileName = `${markup.slice(0, 90)} ${rightToLeft} ${"w".repeat(90)}`;

/** A task that succeeds, with texts that no page can like. */
export const hostileTask = task({
  name: hostileName,
  run: async (input: { text: string }, ctx) => {
    ctx.log.info(nasty(12_000), { [hostileName]: nasty(12_000) });
    ctx.progress(1, 3, hostileName.slice(0, 60));
    await ctx.span(hostileName, async (span) => {
      span.setAttributes({ [hostileName]: nasty(12_000), plain: nasty(200) });
      span.addEvent(hostileName, { [markup]: markup });
    });
    return { [markup]: input.text };
  },
});

/** A task that fails with them. */
export const hostileFailure = task({
  name: "fail",
  run: (_input: null, ctx) => {
    ctx.log.error(markup);
    const error = new Error(nasty(11_000));
    error.name = hostileName;
    error.stack = `${markup}\n    at ${longWord}\n${rightToLeft}`;
    throw error;
  },
});

/** Its root: some of each. */
export const hostileRoot = task({
  name: "hostile",
  run: (_input: null, ctx) => {
    const texts = Array.from({ length: 3 }, () => ({ text: nasty(11_000) }));
    ctx.submitMany(hostileTask, texts, { displays: texts.map(() => hostileName) });
    ctx.submit(hostileFailure, null);
  },
});

/** Tags of the job. */
export const hostileTags = {
  [markup.slice(0, 60)]: markup,
  direction: rightToLeft,
  long: longWord.slice(0, 200),
};
