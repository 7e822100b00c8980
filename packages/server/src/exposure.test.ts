import { describe, expect, it } from "vitest";
import { checkExposure } from "./exposure.ts";

describe("listening", () => {
  it.each(["127.0.0.1", "127.8.8.8", "::1", "localhost"])("on %s needs no token", (host) => {
    expect(() => checkExposure({ host })).not.toThrow();
  });

  it.each(["0.0.0.0", "::", "192.168.1.1", "example.org", "127.0.0.1.example.org"])("on %s needs one", (host) => {
    expect(() => checkExposure({ host })).toThrow(new RegExp(`cannot listen on "${host}".*--token.*--insecure`));
    expect(() => checkExposure({ host, token: "t" })).not.toThrow();
    expect(() => checkExposure({ host, tokensFile: "f" })).not.toThrow();
    expect(() => checkExposure({ host, insecure: true })).not.toThrow();
  });
});
