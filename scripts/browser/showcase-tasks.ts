import { setTimeout as pause } from "node:timers/promises";
import { type TaskContext, task } from "@spanloom/sdk";

/** An error whose stack tells no folder of the machine that the pictures are made on. */
class ShopError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
    this.stack = this.stack?.replace(/^\w*/, name).replaceAll(import.meta.dirname, "/srv/shop") ?? "";
  }
}

/** How long something takes that takes so long as a rule; the same for the same number. */
function around(ms: number, seed: number): number {
  return Math.round(ms * (0.6 + (((seed * 2_654_435_761) >>> 8) % 1_000) / 1_000));
}

/** A stretch of work in a span of its own. */
function work(ctx: TaskContext, name: string, ms: number, attributes: Record<string, string | number>): Promise<void> {
  return ctx.span(name, async (span) => {
    span.setAttributes(attributes);
    await pause(ms);
  });
}

const sizes = [320, 640, 1280] as const;

/** Makes thumbnails. One in seven images needs a second try. */
export const resizeImage = task({
  name: "resize-image",
  queue: "images",
  retry: { maxAttempts: 3, initialDelayMs: 200 },
  run: async ({ image, seed }: { image: string; seed: number }, ctx) => {
    await work(ctx, "GET original", around(70, seed), {
      "http.request.method": "GET",
      "url.path": `/originals/${image}`,
    });
    await ctx.span("decode", async (span) => {
      span.setAttributes({ "image.name": image, "image.format": "jpeg" });
      await pause(around(40, seed + 1));
      if (seed % 7 !== 3 || ctx.attempt > 1) return;
      ctx.log.warn(`${image} ends early, fetching it again`, { image, bytes: 48_213 });
      throw new ShopError("ImageError", `unexpected end of JPEG data in "${image}" at byte 48213`);
    });
    for (const [at, width] of sizes.entries()) {
      await work(ctx, "resize", around(30 + width / 10, seed + at), { "image.width": width });
      ctx.progress(at + 1, sizes.length, "thumbnails");
    }
    await work(ctx, "PUT thumbnails", around(60, seed + 5), { "http.request.method": "PUT" });
    ctx.log.info(`made ${sizes.length} thumbnails of ${image}`);
    return { image, thumbnails: sizes.length };
  },
});

/** Writes products into the search index. */
export const indexProducts = task({
  name: "index-products",
  run: async ({ from, to }: { from: number; to: number }, ctx) => {
    await work(ctx, "SELECT products", around(50, from), { "db.system": "postgresql", "db.operation": "SELECT" });
    await work(ctx, "POST /_bulk", around(140, to), {
      "http.request.method": "POST",
      "http.response.status_code": 200,
    });
    ctx.log.info(`indexed products ${from} to ${to}`);
    return to - from;
  },
});

/** Brings pages to the content network; it fails where that is away. */
export const publishPages = task({
  name: "publish-pages",
  retry: { maxAttempts: 3, initialDelayMs: 300 },
  run: async ({ pages, network }: { pages: number; network: "up" | "away" }, ctx) => {
    await work(ctx, "render pages", around(180, pages), { "page.count": pages });
    await ctx.span("PUT /pages", async (span) => {
      const url = "https://cdn.example/pages";
      span.setAttributes({ "http.request.method": "PUT", "url.full": url, "server.address": "cdn.example" });
      ctx.log.info(`sending ${pages} pages to cdn.example`);
      await pause(around(120, pages + ctx.attempt));
      if (network === "up") return;
      span.setAttribute("http.response.status_code", 503);
      ctx.log.error("cdn.example answered 503 Service Unavailable", { "retry.after_s": 30, attempt: ctx.attempt });
      throw new ShopError("DeliveryError", "PUT https://cdn.example/pages: 503 Service Unavailable");
    });
    return { pages };
  },
});

/** The root: images, the index, and the pages when both are done. */
export const publishCatalogue = task({
  name: "publish-catalogue",
  run: async ({ images, network }: { images: number; network: "up" | "away" }, ctx) => {
    await work(ctx, "SELECT changed products", around(90, images), {
      "db.system": "postgresql",
      "db.rows": images * 40,
    });
    ctx.log.info(`${images} products have changed`, { images });
    const names = Array.from({ length: images }, (_, n) => ({ image: `img-${n + 1}.jpg`, seed: images * 31 + n }));
    const resized = ctx.submitMany(resizeImage, names);
    const ranges = [0, 1, 2].map((n) => ({ from: n * 40, to: n * 40 + 40 }));
    const indexed = ctx.submitMany(indexProducts, ranges);
    ctx.submit(publishPages, { pages: images * 3, network }, { dependsOn: [resized, indexed] });
    return { images };
  },
});

/** A report, which takes a while. */
export const nightlyReport = task({
  name: "nightly-report",
  run: async ({ region, seed }: { region: string; seed: number }, ctx) => {
    await work(ctx, "SELECT revenue", around(160, seed), { "db.system": "postgresql", region });
    await work(ctx, "render PDF", around(90, seed + 1), { "page.count": 12 });
    await work(ctx, "send mail", around(40, seed + 2), { "mail.to": `sales-${region}@shop.example` });
    return `report of ${region} sent`;
  },
});

/** Orders from a partner, some of which are not as they should be. */
export const importOrders = task({
  name: "import-orders",
  run: async ({ file, seed }: { file: string; seed: number }, ctx) => {
    await work(ctx, "read CSV", around(50, seed), { "file.name": file });
    await work(ctx, "INSERT orders", around(110, seed + 3), { "db.system": "postgresql", "db.operation": "INSERT" });
    if (seed % 9 === 4)
      throw new ShopError("OrderError", `${file}, line ${100 + seed}: the quantity is "-2", must be at least 1`);
    return { orders: 100 + seed };
  },
});

/** What a trigger runs for each order that is paid. */
export const sendReceipt = task({
  name: "send-receipt",
  run: async ({ order }: { order: number }, ctx) => {
    await work(ctx, "render receipt", around(25, order), { "order.id": order });
    await work(ctx, "send mail", around(45, order + 1), { "mail.to": `customer-${order}@mail.example` });
    return { order };
  },
});

/** Goes on until it is cancelled, so that something runs. */
export const rebuildRecommendations = task({
  name: "rebuild-recommendations",
  run: async ({ models }: { models: number }, ctx) => {
    for (let n = 0; n < models; n++) {
      await ctx.span("train model", async (span) => {
        span.setAttribute("model.number", n);
        ctx.progress(n, models, "models");
        await pause(900, undefined, { signal: ctx.signal });
      });
    }
    return { models };
  },
});
