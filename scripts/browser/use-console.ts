import type { Client } from "@spanloom/sdk";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import type { ConsolePage } from "./console-page.ts";
import { ConsoleStage, type ConsoleStageOptions } from "./console-stage.ts";

/** What a file of tests has of the console; the page is another one in each test. */
export interface ConsoleInTests {
  readonly stage: ConsoleStage;
  readonly client: Client;
  /** Address of the server. */
  readonly url: string;
  readonly current: ConsolePage;
  readonly page: Page;
  readonly context: BrowserContext;
  /** Opens a page of the console with the token that a person entered before. */
  open(where: string): Promise<void>;
  /** What axe finds that keeps somebody from using the page. */
  seriousFindings(): Promise<unknown[]>;
  /** What makes the page as a whole scroll sideways. */
  wideParts(): Promise<string[]>;
  /** Takes complaints away that the test expects. */
  forgive(expected: RegExp): number;
  /** Keeps a picture of the page in the folder that `SPANLOOM_PICTURES` names, if it does. */
  takePicture(name: string): Promise<void>;
}

/**
 * Gives the tests of a file one server, runner and browser, and each test a page with nothing in it.
 *
 * A test fails when its page complained of anything that it did not forgive. Of one that failed the last sight is kept
 * where `SPANLOOM_PICTURES` says.
 */
export function useConsole(options: ConsoleStageOptions = {}): ConsoleInTests {
  const stage = new ConsoleStage(options);
  let current: ConsolePage | undefined;
  beforeAll(() => stage.start());
  afterAll(() => stage.stop());
  beforeEach(async () => {
    current = await stage.newPage();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await current?.takePicture(`failed ${task.name}`);
    await current?.context.close();
    expect(current?.complaints, "what the page complained of").toEqual([]);
  });
  const here = () => {
    if (!current) throw new Error("cannot use the page: no test runs");
    return current;
  };
  return {
    stage,
    get client() {
      return stage.client;
    },
    get url() {
      return stage.url;
    },
    get current() {
      return here();
    },
    get page() {
      return here().page;
    },
    get context() {
      return here().context;
    },
    open: (where) => here().open(where),
    seriousFindings: () => here().seriousFindings(),
    wideParts: () => here().wideParts(),
    forgive: (expected) => here().forgive(expected),
    takePicture: (name) => here().takePicture(name),
  };
}
