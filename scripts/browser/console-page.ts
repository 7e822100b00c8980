import path from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";

/** Where pictures of the pages are put; none are taken without it. */
const pictures = process.env.SPANLOOM_PICTURES;

/** Whose page it is. */
interface ConsolePageOptions {
  url: string;
  token: string;
  context: BrowserContextOptions;
}

/**
 * A page of the console, and what it complained of: errors and warnings on the browser's console, errors that nothing
 * caught, and what the content security policy stopped, in the page and in its workers.
 */
export class ConsolePage implements AsyncDisposable {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What there was to complain of until now. */
  readonly complaints: string[] = [];
  readonly #options: ConsolePageOptions;

  private constructor(context: BrowserContext, page: Page, options: ConsolePageOptions) {
    this.context = context;
    this.page = page;
    this.#options = options;
  }

  /** Opens an empty page; {@link open} shows something in it. */
  static async openIn(browser: Browser, options: ConsolePageOptions): Promise<ConsolePage> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options.context });
    await context.addInitScript(tellViolations);
    const page = await context.newPage();
    const opened = new ConsolePage(context, page, options);
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") opened.complaints.push(message.text());
    });
    page.on("pageerror", (error) => opened.complaints.push(String(error)));
    page.on("worker", (worker) => {
      // A worker that ended before it could be told has violated nothing.
      worker.evaluate(tellViolations).catch(() => undefined);
    });
    return opened;
  }

  /** Opens a page of the console with the token that a person entered before. */
  async open(where: string): Promise<void> {
    await this.context.addInitScript((text) => localStorage.setItem("spanloom.token", text), this.#options.token);
    await this.page.goto(this.#options.url + where);
  }

  /** Takes complaints away that a test expects. Shape: how many there were. */
  forgive(expected: RegExp): number {
    const others = this.complaints.filter((text) => !expected.test(text));
    const forgiven = this.complaints.length - others.length;
    this.complaints.splice(0, Number.POSITIVE_INFINITY, ...others);
    return forgiven;
  }

  /** What axe finds that keeps somebody from using the page. */
  async seriousFindings(): Promise<unknown[]> {
    const { violations } = await new AxeBuilder({ page: this.page }).analyze();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => [html, failureSummary]) }));
  }

  /** What is wider than the window, so that the page as a whole scrolls sideways; none is as it should be. */
  wideParts(): Promise<string[]> {
    return this.page.evaluate(findWideParts);
  }

  /** Keeps a picture of the page in the folder that `SPANLOOM_PICTURES` names, if it does. */
  async takePicture(name: string): Promise<void> {
    if (pictures !== undefined) await this.page.screenshot({ path: path.join(pictures, `${name}.png`) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
  }
}

/** Runs in pages and workers, before anything else: Chromium tells of some violations nowhere that a test listens. */
function tellViolations(): void {
  addEventListener("securitypolicyviolation", (event) => {
    const { effectiveDirective, blockedURI, sourceFile } = event as SecurityPolicyViolationEvent;
    console.error(`policy violated: ${effectiveDirective} by ${blockedURI} in ${sourceFile}`);
  });
}

/** Runs in the page. */
function findWideParts(): string[] {
  const { clientWidth, scrollWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const wide = [...document.body.querySelectorAll("*")].filter(
    (element) => element.getBoundingClientRect().right > clientWidth + 1,
  );
  // The innermost ones say what it is.
  const inner = wide.filter((element) => !wide.some((other) => other !== element && element.contains(other)));
  return [`${scrollWidth} px of ${clientWidth}`, ...inner.slice(0, 5).map(({ outerHTML }) => outerHTML.slice(0, 200))];
}
